import { expect, test } from "vitest";
import { type AttackContext, attackOffer, flipLabels } from "../../../testnet/attacks/attacks.ts";
import type { Row } from "../../../testnet/data/rows.ts";
import { createRandom } from "../../../testnet/random.ts";

const fieldOf = (row: Row, name: string) => row[name];

const context: AttackContext = {
  round: 3,
  before: Float32Array.of(1, 2, -1),
  trained: Float32Array.of(1.5, 1, -1),
  initial: Float32Array.of(9, 8, 7),
};
const by = () => ({ random: createRandom(5), spoil: () => Uint8Array.of(1, 2, 3) });

test("sign-flip goes four times as far in the other direction", () => {
  // before - 4 * (trained - before): 1 - 4 * 0.5, 2 - 4 * -1, -1 - 4 * 0
  expect(attackOffer("sign-flip", context, by())).toEqual(Float32Array.of(-1, 6, -1));
});

test("scaled goes ten times too far", () => {
  // 1 + 10 * 0.5, 2 + 10 * -1, -1 + 10 * 0
  expect(attackOffer("scaled", context, by())).toEqual(Float32Array.of(6, -8, -1));
});

test("gaussian adds seeded noise ten times as long as the honest update", () => {
  const offer = attackOffer("gaussian", context, by()) as Float32Array;

  const length = Math.hypot(...offer.map((value, index) => value - (context.before[index] ?? 0)));
  // |trained - before| = sqrt(0.25 + 1) = 1.118
  expect(length).toBeCloseTo(10 * Math.sqrt(1.25), 4);
  expect(attackOffer("gaussian", context, by())).toEqual(offer);
});

test("stale, free-rider and nan send the first state, the untrained state, and spoilt bytes", () => {
  expect(attackOffer("stale", context, by())).toBe(context.initial);
  expect(attackOffer("free-rider", context, by())).toBe(context.before);
  expect(attackOffer("nan", context, by())).toEqual(Uint8Array.of(1, 2, 3));
});

test("label-flip sends what it trained: its lie is in the data", () => {
  expect(attackOffer("label-flip", context, by())).toBeNull();
});

test("no attack changes the arrays it was given", () => {
  const copy = structuredClone(context);

  for (const attack of ["sign-flip", "scaled", "gaussian"] as const)
    attackOffer(attack, context, by());

  expect(context).toEqual(copy);
});

test("flipped labels are the next ones in alphabetical order, consistently", () => {
  const rows = ["b", "a", "c", "a"].map((answer, id) => ({ id, prompt: `p${id}`, answer }));

  const flipped = flipLabels(rows, { completion: "answer" });

  // a -> b, b -> c, c -> a
  expect(flipped.map((row) => fieldOf(row, "answer"))).toEqual(["c", "b", "a", "b"]);
  expect(flipped.map((row) => fieldOf(row, "prompt"))).toEqual(["p0", "p1", "p2", "p3"]);
});

test("flipped labels of chats are their last messages", () => {
  const chat = (content: string) => ({
    messages: [
      { role: "user", content: "?" },
      { role: "assistant", content },
    ],
  });

  expect(flipLabels([chat("no"), chat("yes")], {})).toEqual([chat("yes"), chat("no")]);
});

test("flipped labels of a classification are its classes", () => {
  const rows = ["DESC", "HUM"].map((topic) => ({ text: "who", topic }));

  expect(flipLabels(rows, { label: "topic" }).map((row) => fieldOf(row, "topic"))).toEqual([
    "HUM",
    "DESC",
  ]);
});

test("flipped labels are found in their usual column without a name for it", () => {
  const rows = ["a", "b"].map((label) => ({ text: "t", label }));
  const flipped = ["b", "a"].map((label) => ({ text: "t", label }));
  expect(flipLabels(rows, {})).toEqual(flipped);
});

test("plain text has no labels to flip", () => {
  expect(() => flipLabels([{ text: "once upon" }], {})).toThrow(/needs rows with completions/);
});
