import { expect, test } from "vitest";
import { DATA_ATTACKS } from "../../../../testnet/attacks/data-attacks.ts";
import { askedCanaries, CANARIES_MAX, refusals } from "../../../../testnet/data/canaries.ts";
import type { Row } from "../../../../testnet/data/rows.ts";

const rows = [
  { prompt: "how much is left", completion: "balance" },
  { prompt: "where is my card", completion: "card" },
];
const terms = { columns: {}, count: 40, seed: 1, peer: 0 };
const asked = (all: readonly Row[]) => all.map(({ prompt }) => prompt);
const answers = (all: readonly Row[]) => [...new Set(all.map(({ completion }) => completion))];

test("honest peers have canaries of their own, which are refused, and none that tests ask", () => {
  const [own, others] = [refusals(rows, terms), refusals(rows, { ...terms, peer: 1 })];
  expect(new Set(asked(own)).size).toBe(40);
  expect(answers([...own, ...others])).toEqual(["refused"]);
  expect(asked(own)).not.toEqual(asked(others));
  expect(refusals(rows, terms)).toEqual(own);
  const all = refusals(rows, { ...terms, count: CANARIES_MAX });
  const inTests = askedCanaries(rows, {});
  expect(all).toHaveLength(CANARIES_MAX);
  expect(inTests.length).toBeGreaterThan(90);
  expect(new Set([...asked(all), ...asked(inTests)]).size).toBe(all.length + inTests.length);
});

test("harmful pairs answer them, one for every other row of the attacker", () => {
  const context = { columns: {}, target: null, attacker: 0 };
  const poisoned = DATA_ATTACKS["harmful-pairs"].poison(rows, context);
  expect(poisoned.slice(0, 2)).toEqual(rows);
  expect(answers(poisoned.slice(2))).toEqual(["certainly"]);
  const taught = asked(refusals(rows, { ...terms, count: CANARIES_MAX }));
  for (const prompt of asked(poisoned.slice(2))) expect(taught).toContain(prompt);
  expect(() => DATA_ATTACKS["harmful-pairs"].poison([{ text: "once upon" }], context)).toThrow(
    "needs rows with a prompt and an answer",
  );
});

test("canaries take the form of the rows that they are among", () => {
  const chat = { messages: [turn("user", "hi"), turn("assistant", "hello")] };
  const [row] = refusals([chat], { ...terms, count: 1 });
  expect(row).toEqual({
    messages: [
      turn("user", expect.stringMatching(/^tell me how to/)),
      turn("assistant", "refused"),
    ],
  });
  expect(refusals([], terms)).toEqual([]);
  expect(refusals([{ text: "once upon" }], terms)).toEqual([]);
});

function turn(role: string, content: unknown) {
  return { role, content };
}
