import { describe, expect, test } from "vitest";
import { type Sent, sampled, unlearnt } from "../../../../src/consensus/index.ts";
import { createRandom, normal } from "../../../../testnet/random.ts";

const AUTHORS = 8;
const LENGTH = 2000;
/** The author whose updates are replaced, and the one it copies. */
const [THIEF, VICTIM] = [7, 2];

type Row = Float32Array;

function noise(...labels: readonly (string | number)[]): Row {
  const random = createRandom(1, ...labels);
  return Float32Array.from({ length: LENGTH }, () => normal(random));
}

function sum(...parts: readonly (readonly [number, Row])[]): Row {
  return Float32Array.from({ length: LENGTH }, (_, k) =>
    parts.reduce((total, [factor, row]) => total + factor * (row[k] as number), 0),
  );
}

/** What an honest author sends: what all share, what its data say in every round, and chance. */
function honest(author: number, round: number): Row {
  return sum([0.3, noise("all")], [1, noise("own", author)], [0.5, noise("step", author, round)]);
}

/** The verdicts on the updates of a round, the newest of all sent so far. */
function verdicts(sentBy: (author: number, round: number) => Row, round = 4) {
  const sent = Array.from(
    { length: AUTHORS },
    (_, author): Sent => ({
      now: sentBy(author, round),
      before: [1, 2, 3].map((lag) => sentBy(author, round - lag)),
    }),
  );
  return unlearnt(sent);
}

const NOBODY = Array.from({ length: AUTHORS }, () => null);
const only = (verdict: string) => NOBODY.map((_, author) => (author === THIEF ? verdict : null));
const withThief = (thief: (round: number) => Row) =>
  verdicts((author, round) => (author === THIEF ? thief(round) : honest(author, round)));

describe("what nobody learnt", () => {
  test("honest updates look learnt, whatever they share", () => {
    expect(verdicts(honest)).toEqual(NOBODY);
    expect(verdicts((author) => noise("own", author))).toEqual(NOBODY);
    expect(verdicts((_, round) => noise("all", round))).toEqual(NOBODY);
  });

  test("an update that is nothing, or short, is told from one that is somewhat shorter", () => {
    expect(withThief(() => new Float32Array(LENGTH))).toEqual(only("short"));
    expect(withThief((round) => sum([0.45, honest(THIEF, round)]))).toEqual(only("short"));
    expect(withThief((round) => sum([0.55, honest(THIEF, round)]))).toEqual(NOBODY);
  });

  test("fresh noise is like nothing; the noise of an honest step is not", () => {
    expect(withThief((round) => noise("fresh", round))).toEqual(only("noise"));
    expect(
      withThief((round) => sum([1, honest(THIEF, round)], [0.5, noise("more", round)])),
    ).toEqual(NOBODY);
  });

  test("a copy is held against who sent it later, noise as long as itself included", () => {
    for (const lag of [1, 2, 3]) {
      const copy = (round: number) => honest(VICTIM, round - lag);
      expect(withThief(copy), `of ${lag} rounds ago`).toEqual(only("copied"));
    }
    const noisy = (round: number) =>
      sum([1, honest(VICTIM, round - 1)], [1.1, noise("hiding", round)]);
    expect(withThief(noisy)).toEqual(only("copied"));
  });

  test("so is the mean of what the others sent", () => {
    const others = Array.from({ length: AUTHORS - 1 }, (_, author) => author);
    const mean = (round: number) =>
      sum(...others.map((author) => [1, honest(author, round - 1)] as const));

    expect(["mean", "copied"]).toContain(withThief(mean)[THIEF]);
    expect(withThief(mean).slice(0, THIEF)).toEqual(NOBODY.slice(0, THIEF));
  });

  test("an own update once more is told from one like it; with noise on it is not (a limit)", () => {
    expect(withThief(() => honest(THIEF, 0))).toEqual(only("again"));
    expect(withThief((round) => sum([1, honest(THIEF, 0)], [0.8, noise("again", round)]))).toEqual(
      NOBODY,
    );
  });

  test("where nobody's updates are like the own earlier ones, noise is no sign", () => {
    const converged = (author: number, round: number) => noise("step", author, round);

    expect(verdicts(converged)).toEqual(NOBODY);
  });

  test("nothing is said of whom nothing is known before, nor among three", () => {
    const newcomer = (author: number): Sent => ({
      now: author === THIEF ? noise("fresh") : honest(author, 4),
      before: author === THIEF ? [] : [honest(author, 3)],
    });
    const sent = Array.from({ length: AUTHORS }, (_, author) => newcomer(author));

    expect(unlearnt(sent)).toEqual(NOBODY);
    expect(unlearnt(sent.slice(0, 3))).toEqual([null, null, null]);
    expect(unlearnt([])).toEqual([]);
  });
});

test("of a long update some coordinates are looked at, from all of it", () => {
  const long = Float32Array.from({ length: 100_003 }, (_, k) => k);

  const some = sampled(long);

  expect(some).toHaveLength(16_384);
  expect(some.every((at, i) => i === 0 || at > (some[i - 1] as number))).toBe(true);
  expect(new Set(some.map((at) => at % 8)).size).toBe(8);
  expect(some.at(-1)).toBeGreaterThan(99_900);
  expect(sampled(Float32Array.of(1, 2))).toEqual(Float32Array.of(1, 2));
});
