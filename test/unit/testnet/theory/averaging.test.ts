import { expect, test } from "vitest";
import {
  type AveragingTask,
  attacksOf,
  averaging,
} from "../../../../testnet/theory/averaging/averaging.ts";

const TASK: AveragingTask = {
  ...{ setting: "equivocating", rule: "cs-plus", attack: "ALIE", attackers: 4 },
  ...{ rounds: 12, seed: 1 },
};

test("four attackers that tell each victim something else move cs-plus by a ninth, and a mean without end", () => {
  const { error, disagreement } = averaging(TASK);
  // 0.111 after 100 rounds in the reference implementation, the mean of three seeds
  expect(error).toBeGreaterThan(0.05);
  expect(error).toBeLessThan(0.15);
  expect(disagreement).toBeLessThan(1e-3);
  expect(averaging({ ...TASK, rule: "mean" }).error).toBeGreaterThan(100);
});

test("who has to tell all the same does half of the harm", () => {
  const common = averaging({ ...TASK, setting: "common" });
  expect(common.error).toBeLessThan(0.7 * averaging(TASK).error);
});

test("in a common set all agree at once, and a mean is ruined (control)", () => {
  const agreed = { ...TASK, setting: "agreed", rule: "check-twins", rounds: 2 } as const;
  expect(averaging(agreed).error).toBeLessThan(0.1);
  expect(averaging(agreed).disagreement).toBe(0);
  expect(averaging({ ...agreed, rule: "mean" }).error).toBeGreaterThan(100);
});

test("each setting has its attacks and rules, and no others", () => {
  expect(attacksOf("equivocating")).toEqual(["ALIE", "FOE", "Dissensus", "SpH"]);
  expect(() => averaging({ ...TASK, attack: "PC" })).toThrow("there is no attack PC here");
  expect(() => averaging({ ...TASK, rule: "check" })).toThrow("mode gossip has no rule check");
});
