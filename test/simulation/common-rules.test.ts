import { expect, test } from "vitest";
import {
  alone,
  type Federation,
  federate,
  type SetAttack,
} from "../../scripts/common-rules/federation.ts";
import { KNOWING_ATTACKS } from "../../scripts/common-rules/knowing-attacks.ts";
import type { CommonRuleName } from "../../src/consensus/index.ts";
import { seededRandom } from "../../src/random.ts";

const SETTING: Federation = {
  ...{ rule: "mean", attack: "none", attackers: 3, peers: 10, rounds: 10, steps: 2 },
  ...{ dimensions: 500, heterogeneity: 0.6, gate: true, seed: 1 },
};

/** (alone - attacked) / (alone - clean mean), with the private gate. */
async function kept(rule: CommonRuleName, attack: SetAttack, gate = true): Promise<number> {
  const [by, clean] = [await alone(SETTING), await federate(SETTING)];
  return (by - (await federate({ ...SETTING, rule, attack, gate }))) / (by - clean);
}

test.each(["min-max", "min-sum", "alie", "ipm", "mimic", "ascent", "free-rider"] as const)(
  "check-twins keeps more than nine tenths of the gain when three of ten send %s",
  async (attack) => {
    expect(await kept("check-twins", attack)).toBeGreaterThan(0.9);
  },
);

test("others do not (control)", async () => {
  expect(await kept("nnm-trimmed", "min-sum")).toBeLessThan(0.8);
  expect(await kept("mean", "ascent")).toBeLessThan(0.8);
  expect(await kept("mean", "sign-flip", false)).toBeLessThan(0);
});

test("who knows the check takes a quarter of the gain", async () => {
  const left = await kept("check-twins", "cosines");

  expect(left).toBeGreaterThan(0.6);
  expect(left).toBeLessThan(0.9);
});

test("an attack that no gate passes comes to an end, also where the check leaves it no room", () => {
  const rows = [
    [1, 0, 0.01],
    [-0.5, 0.9, 0.01],
    [-0.5, -0.9, 0.01],
  ];
  const lies = KNOWING_ATTACKS.cosines({
    honest: rows.map((row) => Float32Array.from(row)),
    wanted: Float32Array.of(1, 1, 1),
    attackers: 2,
    random: seededRandom(1),
    passesGate: () => false,
  });

  expect(lies).toHaveLength(2);
  expect(lies.flat().every(Number.isFinite)).toBe(true);
});
