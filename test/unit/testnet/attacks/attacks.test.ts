import { expect, test } from "vitest";
import { CODECS, differencesToStart } from "../../../../src/consensus/index.ts";
import { ATTACK_NAMES, ATTACKS, type AttackName } from "../../../../testnet/attacks/catalogue.ts";
import { flipLabels } from "../../../../testnet/attacks/data-attacks.ts";
import type { Row } from "../../../../testnet/data/rows.ts";
import { ALONE, trainedInDisguise } from "../../../support/disguised-peer.ts";
import type { KnowingAttack } from "../../../support/knowing-attacks.ts";

const fieldOf = (row: Row, name: string) => row[name];

const REFERENCE = Float32Array.of(9, 8, 7);
const BEFORE = Float32Array.of(1, 2, -1);
const TRAINED = Float32Array.of(1.5, 1, -1);

/** What a peer in disguise sends in a round: its payload, and what others read in it. */
async function sent(attack: AttackName, seed = 5, updates = differencesToStart(CODECS.float32)) {
  const round = { attack, seed, before: BEFORE, trained: TRAINED, ports: { updates } };
  const { ports, adapter } = await trainedInDisguise(round);
  const { payload } = ports.updates.offer(updates.begin(REFERENCE), adapter);
  return { adapter, state: updates.read(REFERENCE, payload) };
}

const accepted = (...values: number[]) => ({
  verdict: "accept",
  value: Float32Array.from(values),
});

type NoisyAttack = "gaussian" | "noisy-free-rider" | "noisy-plagiarist" | "noisy-own-again";

/** What others read of each attack; one without a line here or in `knowing-attacks.test.ts` does not compile. */
const READ: Readonly<Record<Exclude<AttackName, NoisyAttack | KnowingAttack>, unknown>> = {
  // before - 4 * (trained - before): 1 - 4 * 0.5, 2 - 4 * -1, -1 - 4 * 0
  "sign-flip": accepted(-1, 6, -1),
  // 1 + 10 * 0.5, 2 + 10 * -1, -1 + 10 * 0
  scaled: accepted(6, -8, -1),
  stale: accepted(...REFERENCE),
  "free-rider": accepted(...BEFORE),
  // in their first rounds: nothing was sent before, and its own first update is this one
  "last-mix": accepted(...BEFORE),
  plagiarist: accepted(...BEFORE),
  "own-again": accepted(...TRAINED),
  // its rounds 0 to 9 are honest ones
  "time-coupled": accepted(...TRAINED),
  nan: { verdict: "reject", reason: "non-finite" },
  // their lies are in the data, in what is announced, in what is served
  "label-flip": accepted(...TRAINED),
  "harmful-pairs": accepted(...TRAINED),
  backdoor: accepted(...TRAINED),
  // 4 members and 1 attacker: 1 + 4 * 0.5, 2 + 4 * -1, -1 + 4 * 0
  "backdoor-replacement": accepted(3, -2, -1),
  // as long as its own, which stands for those of the honest
  "backdoor-constrained": accepted(...TRAINED),
  "split-backdoor": accepted(...TRAINED),
  silent: accepted(...TRAINED),
  withhold: accepted(...TRAINED),
  equivocate: accepted(...TRAINED),
  "fast-forward": accepted(...TRAINED),
  late: accepted(...TRAINED),
  replay: accepted(...TRAINED),
  copycat: accepted(...TRAINED),
  "open-early": accepted(...TRAINED),
  "equivocate-votes": accepted(...TRAINED),
  "lie-in-ballots": accepted(...TRAINED),
  "stall-proposals": accepted(...TRAINED),
  frame: accepted(...TRAINED),
};

test.each(Object.entries(READ))(
  "%s sends what it says, and goes on with what it trained",
  async (attack, state) => {
    expect(await sent(attack as AttackName)).toEqual({ adapter: TRAINED, state });
  },
);

test.each(Object.values(CODECS))("nan is refused by the $name decoder", async (codec) => {
  const { state } = await sent("nan", 5, differencesToStart(codec));

  expect(state.verdict).toBe("reject");
});

test("gaussian adds seeded noise ten times as long as the honest update", async () => {
  const { state } = await sent("gaussian");

  const values = state.verdict === "accept" ? state.value : new Float32Array();
  const length = Math.hypot(...values.map((value, index) => value - (BEFORE[index] ?? 0)));
  // |trained - before| = sqrt(0.25 + 1) = 1.118
  expect(length).toBeCloseTo(10 * Math.sqrt(1.25), 4);
  expect((await sent("gaussian")).state).toEqual(state);
  expect((await sent("gaussian", 6)).state).not.toEqual(state);
});

/** What a peer in disguise sends in the second of two rounds, as a difference to where it began. */
async function sentSecond(attack: AttackName, seed = 5) {
  const updates = differencesToStart(CODECS.float32);
  // what the honest send in the rounds 3 and 4
  const sent = [Float32Array.of(3, 0, 4), Float32Array.of(-5, 5, 0)];
  const collusion = { ...ALONE, updatesOf: async (round: number) => [sent[round - 3] ?? BEFORE] };
  const first = { attack, seed, before: BEFORE, trained: TRAINED, collusion, ports: { updates } };
  const { ports } = await trainedInDisguise(first);
  const optimizer = ports.learner.initialOptimizer();
  const request = { adapter: REFERENCE, optimizer, round: 4, steps: 1 };
  const { adapter } = await ports.learner.train(request);
  const { payload } = ports.updates.offer(updates.begin(BEFORE), adapter);
  const state = updates.read(BEFORE, payload);
  const values = state.verdict === "accept" ? state.value : new Float32Array();
  return values.map((at, k) => at - (REFERENCE[k] as number));
}

/** As long as its own training from REFERENCE to TRAINED. */
const LENGTH = Math.hypot(7.5, 7, 8);

test.each([
  ["last-mix", [3, 0, 4]],
  ["plagiarist", [3, 0, 4]],
  ["own-again", [0.5, -1, 0]],
] as const)("%s sends what was sent before, as long as an honest update", async (attack, way) => {
  const size = LENGTH / Math.hypot(...way);

  const update = await sentSecond(attack);

  for (const [k, at] of way.entries()) expect(update[k]).toBeCloseTo(size * at, 4);
});

test.each(["noisy-free-rider", "noisy-plagiarist", "noisy-own-again"] as const)(
  "%s hides in seeded noise, and is as long as an honest update",
  async (attack) => {
    const update = await sentSecond(attack);

    expect(Math.hypot(...update)).toBeCloseTo(LENGTH, 4);
    expect(await sentSecond(attack)).toEqual(update);
    expect(await sentSecond(attack, 6)).not.toEqual(update);
  },
);

test("every attack says in a line what it does", () => {
  expect(ATTACK_NAMES.map((name) => ATTACKS[name].text.length > 10)).not.toContain(false);
});

test("no attack changes the arrays it was given", async () => {
  const copy = structuredClone([BEFORE, TRAINED, REFERENCE]);

  for (const attack of ATTACK_NAMES) await sent(attack);

  expect([BEFORE, TRAINED, REFERENCE]).toEqual(copy);
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
