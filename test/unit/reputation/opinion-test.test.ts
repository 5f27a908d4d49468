import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/random.ts";
import { evidenceOf, judgedAgain, NO_OPINION } from "../../../src/reputation/opinion-test.ts";

const HONEST_RATE = 0.1;

/** Most that the evidence ever is over rounds in which the veto has this probability. */
function most(rounds: number, rateAt: (round: number) => number, seed: number): number {
  const random = seededRandom(seed);
  let [test, largest] = [NO_OPINION, 0];
  for (let round = 0; round < rounds; round += 1) {
    test = judgedAgain(test, random() < rateAt(round), HONEST_RATE);
    largest = Math.max(largest, evidenceOf(test));
  }
  return largest;
}

/** Share of peers whose evidence ever reaches 1 / alpha. */
function found(alpha: number, rateAt: (round: number) => number): number {
  const peers = 4000;
  let count = 0;
  for (let seed = 0; seed < peers; seed += 1) if (most(300, rateAt, seed) >= 1 / alpha) count += 1;
  return count / peers;
}

describe("the opinions of a peer", () => {
  it("amount to 1 at first, and to what the bets own then", () => {
    expect(evidenceOf(NO_OPINION)).toBe(1);
    // a half at work: 0.5 · (0.5 / 0.1 + 0.95 / 0.1) / 2, and the other half not yet
    expect(evidenceOf(judgedAgain(NO_OPINION, true, HONEST_RATE))).toBeCloseTo(3.625 + 0.5, 12);
    // 0.5 · (0.5 / 0.9 + 0.05 / 0.9) / 2 + 0.5
    expect(evidenceOf(judgedAgain(NO_OPINION, false, HONEST_RATE))).toBeCloseTo(0.152777 + 0.5, 5);
  });

  it("is worth 1 to be expected, whatever came before, of a peer that is vetoed at the honest rate", () => {
    let test = NO_OPINION;
    for (const isVetoed of [true, false, false, true, true]) {
      const [vetoed, spared] = [true, false].map((next) =>
        evidenceOf(judgedAgain(test, next, HONEST_RATE)),
      ) as [number, number];
      expect(HONEST_RATE * vetoed + (1 - HONEST_RATE) * spared).toBeCloseTo(evidenceOf(test), 12);
      test = judgedAgain(test, isVetoed, HONEST_RATE);
    }
  });

  it.each([0.1, 0.01])(
    "ever reach the bound with probability %d at most in a run of an honest peer",
    (alpha) => {
      expect(found(alpha, () => HONEST_RATE)).toBeLessThan(alpha);
      // also where vetoes come in bursts, never above the rate
      expect(found(alpha, (round) => (round % 20 < 10 ? HONEST_RATE : 0))).toBeLessThan(alpha);
    },
  );

  it("reach it of those that are vetoed more often (control)", () => {
    expect(found(0.01, () => 0.4)).toBeGreaterThan(0.99);
    // who turns bad after 200 good rounds, and who is bad in every second one
    expect(found(0.01, (round) => (round < 200 ? 0.02 : 0.9))).toBeGreaterThan(0.99);
    expect(found(0.01, (round) => round % 2)).toBe(1);
  });

  it("stay numbers, however many there are", () => {
    let test = NO_OPINION;
    for (let round = 0; round < 5000; round += 1) test = judgedAgain(test, true, 0.001);
    expect(Number.isFinite(evidenceOf(test))).toBe(true);
    for (let round = 0; round < 5000; round += 1) test = judgedAgain(test, false, 0.4);
    expect(evidenceOf(test)).toBeGreaterThan(0);
    expect(evidenceOf(test)).toBeLessThan(1);
  });
});
