import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  agreedUpdates,
  CODEC_NAMES,
  CODECS,
  COMMON_RULES,
  codecByName,
  restoredMemory,
} from "../../../../src/consensus/index.ts";
import { farthestWithin, mostUnlike } from "../../../../testnet/attacks/cloud-attacks.ts";
import { colluding } from "../../../../testnet/attacks/collusion.ts";
import { mostHarmful } from "../../../../testnet/attacks/line-search.ts";
import {
  deviationOf,
  dot,
  meanOf,
  medianNorm,
  norm,
  plus,
} from "../../../../testnet/attacks/statistics.ts";
import { createRandom, normal } from "../../../../testnet/random.ts";
import { trainedInDisguise } from "../../../support/disguised-peer.ts";
import { KNOWING_ATTACK_NAMES, type KnowingAttack } from "../../../support/knowing-attacks.ts";
import { type ReferenceCase, referenceInputs } from "../../consensus/mixing/reference-inputs.ts";

/** By coordinate mean 2, 3, -2 and deviation 1, 2, 1; the norms are the roots of 11, 14 and 38. */
const HONEST = [
  [1, 1, -3],
  [2, 3, -1],
  [3, 5, -2],
].map((row) => Float32Array.from(row));
const MEAN = [2, 3, -2];
/** The most that the searches may send: four median lengths. */
const LONGEST = 4 * Math.sqrt(14);
const BEFORE = Float32Array.of(1, 2, -1);
const TRAINED = Float32Array.of(1.5, 1, -1);

/** What one of two attackers sends in a round of five that mix by the mean. */
async function updateOf(attack: KnowingAttack | "time-coupled", round = 3): Promise<number[]> {
  const collusion = colluding({ members: 5, attackers: 2, rule: "mean" }, async () => HONEST);
  const trained = { attack, before: BEFORE, trained: TRAINED, collusion, round };
  const { ports, adapter } = await trainedInDisguise(trained);
  const memory = restoredMemory(BEFORE);
  return [...ports.agreedUpdates.offer(memory, adapter, { height: round, norm: 0 }).update];
}

/** By hand; what only a property is known of is below. */
const UPDATES: Partial<Record<KnowingAttack, readonly number[]>> = {
  // mean + 1.5 deviations
  alie: [3.5, 6, -0.5],
  // along -1, -2, 1; the three bounds are 2.38, 2 and 1
  "min-max": [1, 1, -1],
  // largest sum 9 + 21 = 30, sum to the mean 12: sqrt(18 / (6 * 3)) = 1
  "min-sum": [1, 1, -1],
  // of the products [6 -1 -5; -1 1 0; -5 0 5] the largest eigenvector has most of the first row
  mimic: [1, 1, -3],
  ipm: [-0.2, -0.3, 0.2],
  foe: [-4, -6, 4],
  // the fourth round: 4 tenths of a deviation
  "slow-drift": [1.6, 2.2, -1.6],
  // 4 * sqrt(14) / sqrt(3)
  "full-scale-sign": [-8.640988, -8.640988, 8.640988],
};

test.each(Object.entries(UPDATES))("%s sends what its formula says", async (attack, expected) => {
  const update = await updateOf(attack as KnowingAttack);

  expect(update).toHaveLength(3);
  for (const [k, value] of expected.entries()) expect(update[k]).toBeCloseTo(value, 5);
});

test("an orthogonal drift is at right angles to the mean, as long as an honest update", async () => {
  const across = plus(await updateOf("orthogonal-drift"), -1, MEAN);

  expect(dot(across, MEAN)).toBeCloseTo(0, 4);
  expect(norm(across)).toBeCloseTo(Math.sqrt(14), 4);
  // the same one for ever
  expect(await updateOf("orthogonal-drift", 20)).toEqual(await updateOf("orthogonal-drift"));
});

test("searches against the mean go as far as is read", async () => {
  const alie = await updateOf("opt-alie");
  const factors = plus(alie, -1, MEAN).map((each, k) => each / ([1, 2, 1][k] ?? 0));
  const turned = (await updateOf("opt-ipm")).map((each, k) => each / (MEAN[k] ?? 0));

  for (const [first, ...others] of [[...factors], turned]) {
    for (const other of others) expect(other).toBeCloseTo(first ?? 0, 4);
  }
  for (const update of [alie, await updateOf("opt-ipm")]) {
    expect(norm(update)).toBeLessThanOrEqual(LONGEST);
    expect(norm(update)).toBeGreaterThan(0.9 * LONGEST);
  }
});

test("time-coupled attackers are honest for ten rounds, and attack for five", async () => {
  const honest = [0.5, -1, 0];

  expect(await updateOf("time-coupled", 9)).toEqual(honest);
  expect(await updateOf("time-coupled", 10)).toEqual([-2, 4, 0]);
  expect(await updateOf("time-coupled", 14)).toEqual([-2, 4, 0]);
  expect(await updateOf("time-coupled", 15)).toEqual(honest);
});

describe("without anybody's updates but its own", () => {
  test("the cloud of an attacker is a point, and nothing is divided by it", async () => {
    const own = [Float32Array.of(1, 2, 3)];

    expect([...deviationOf(own)]).toEqual([0, 0, 0]);
    expect([...farthestWithin(own, "largest")]).toEqual([1, 2, 3]);
    expect([...farthestWithin(own, "sum")]).toEqual([1, 2, 3]);
    expect(mostUnlike(own)).toBe(0);
  });
});

/** ByzFL's numbers, made by its own code. */
const { cases } = JSON.parse(
  readFileSync(new URL("../../../fixtures/byzfl-attacks.json", import.meta.url), "utf8"),
) as {
  readonly cases: readonly (ReferenceCase & {
    readonly outputs: Readonly<Record<string, readonly number[]>>;
  })[];
};

describe.each(cases)("as ByzFL has it, $n rows and $f attackers", ({ outputs, ...given }) => {
  const { n, f } = given;
  const honest = referenceInputs(given)
    .slice(0, n - f)
    .map((row) => Float32Array.from(row));
  const mean = meanOf(honest);
  const deviation = deviationOf(honest, mean);
  const collusion = colluding({ members: n, attackers: f, rule: "nnm-trimmed" });
  // the rule is told of f attackers, whatever a quorum bears
  const mix = (updates: readonly Float32Array[]) =>
    COMMON_RULES["nnm-trimmed"]({ updates, shares: updates.map(() => 1 / n), attackersMax: f });
  const search = (family: (factor: number) => Float64Array) =>
    mostHarmful({ honest, collusion: { ...collusion, mix } }, family, Number.POSITIVE_INFINITY);

  test.each([
    ["attack ALIE(tau=1.5)", () => plus(mean, 1.5, deviation)],
    ["attack IPM(tau=2)", () => mean.map((each) => -2 * each)],
    ["attack OptALIE(TrMean,pre=[NNM])", () => search((by) => plus(mean, by, deviation))],
    ["attack OptIPM(TrMean,pre=[NNM])", () => search((by) => mean.map((each) => -by * each))],
  ])("%s", (name, attack) => {
    const expected = outputs[name];
    const made = attack();

    expect(expected).toHaveLength(mean.length);
    for (const [k, value] of (expected ?? []).entries()) expect(made[k]).toBeCloseTo(value, 4);
  });
});

test.each(CODEC_NAMES)("every one of them is read from a payload of %s", async (name) => {
  const random = createRandom(3, name);
  const row = () => Float32Array.from({ length: 200 }, () => 1 + normal(random));
  const honest = Array.from({ length: 8 }, row);
  const collusion = colluding(
    { members: 10, attackers: 2, rule: "check-twins" },
    async () => honest,
  );
  const before = new Float32Array(200);
  const updates = agreedUpdates(codecByName(name));
  const ground = { height: 3, norm: medianNorm(honest) };
  for (const attack of KNOWING_ATTACK_NAMES) {
    const ports = { agreedUpdates: updates };
    const made = await trainedInDisguise({ attack, before, trained: row(), collusion, ports });
    const { payload } = made.ports.agreedUpdates.offer(
      restoredMemory(before),
      made.adapter,
      ground,
    );
    expect([attack, updates.read(payload, 200, ground).verdict]).toEqual([attack, "accept"]);
  }
});

test("what is ten times as long is refused once a norm has counted (control)", async () => {
  const before = new Float32Array(3);
  const updates = agreedUpdates(CODECS.int8);
  const { ports, adapter } = await trainedInDisguise({
    ...{ attack: "scaled", before, trained: Float32Array.of(1, 0, 0) },
    ports: { agreedUpdates: updates },
  });
  const { payload } = ports.agreedUpdates.offer(restoredMemory(before), adapter, {
    ...{ height: 0, norm: 1 },
  });

  expect(updates.read(payload, 3, { height: 0, norm: 0 }).verdict).toBe("accept");
  expect(updates.read(payload, 3, { height: 1, norm: 1 })).toEqual({
    ...{ verdict: "reject", reason: "too-large" },
  });
});
