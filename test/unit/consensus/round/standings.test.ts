import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quorumOf, sharesOfCut } from "../../../../src/consensus/index.ts";
import type { Opinion } from "../../../../src/consensus/round/agreed/messages.ts";
import {
  firstLevels,
  LEVEL_MAX,
  levelsAfter,
} from "../../../../src/consensus/round/agreed/standings.ts";

const MEMBERS = 10;
const QUORUM = quorumOf(MEMBERS);
const everyone = firstLevels(MEMBERS).map((_, place) => place);

/** Levels after a block in which each of the first ballots says of the last member what is given, and of all others that they help. */
function levelsBy(levels: readonly number[], said: readonly Opinion[]): readonly number[] {
  const ballots = said.map((opinion, place) => {
    const opinions = everyone.map((author): Opinion => (author === 9 ? opinion : "helpful"));
    return { place, opinions, held: [], signature: new Uint8Array(0) };
  });
  return levelsAfter(levels, { ballots }, QUORUM);
}

function times(count: number, opinion: Opinion): Opinion[] {
  return Array.from({ length: count }, () => opinion);
}

describe("a level of trust", () => {
  test.each([
    ["halves when more than half of the members call it harmful", 8, times(6, "harmful"), 4],
    ["stays when half of them do", 8, [...times(5, "harmful"), ...times(3, "neutral")], 8],
    ["grows by one when more than f say that it does no harm", 4, times(4, "neutral"), 5],
    ["stays when f say so", 4, times(3, "helpful"), 4],
    ["stays when ballots are left out", 4, [], 4],
    ["is not below 0", 0, times(9, "harmful"), 0],
    ["is not above the highest", 8, times(9, "helpful"), 8],
    ["stays when nothing came", 4, times(9, "absent"), 4],
  ])("%s", (_, level, said, expected) => {
    expect(levelsBy([...firstLevels(9), level], said)[9]).toBe(expected);
  });

  test("of its own author is not counted", () => {
    const opinions = everyone.map((): Opinion => "harmful");
    const ballots = [4, 5, 6, 7, 8, 9].map((place) => {
      return { place, opinions, held: [], signature: new Uint8Array(0) };
    });
    const levels = levelsAfter(firstLevels(MEMBERS), { ballots }, QUORUM);
    expect(levels).toEqual([4, 4, 4, 4, 8, 8, 8, 8, 8, 8]);
  });

  test("counts who harms whenever it counts in one round of four", () => {
    const rounds = 100;
    let levels = firstLevels(MEMBERS);
    let counted = 0;
    for (let round = 0; round < rounds; round += 1) {
      const counts = (sharesOfCut(levels, everyone, QUORUM)[9] as number) > 0;
      if (counts) counted += 1;
      levels = levelsBy(levels, times(9, counts ? "harmful" : "neutral"));
    }
    // in rounds 1 and 3, and each fourth one after that: levels 8, 4, 5, 2, 3, 4, 5
    expect(counted).toBe(26);
  });
});

describe("shares of a cut", () => {
  test("are alike, and nothing for those whom majorities called harmful of late", () => {
    const levels = [8, 8, 4, 8, 5, 8, 8, 0, 7, 8];
    const shares = sharesOfCut(levels, everyone, QUORUM);
    expect(shares).toEqual(everyone.map((place) => (place === 2 || place === 7 ? 0 : 1 / 8)));
  });

  test("are taken from f at most, the least trusted first", () => {
    const shares = sharesOfCut([4, 3, 2, 1, 0, 8, 8, 8, 8, 8], everyone, QUORUM);
    expect(shares.map((share) => share > 0)).toEqual(
      everyone.map((place) => ![2, 3, 4].includes(place)),
    );
  });

  test("sum to 1, and more than 2f count, whatever the levels and the cut", () => {
    const level = fc.nat({ max: LEVEL_MAX });
    const setting = fc.integer({ min: 1, max: 40 }).chain((members) => {
      const { faulty } = quorumOf(members);
      const places = Array.from({ length: members }, (_, place) => place);
      return fc.record({
        members: fc.constant(members),
        levels: fc.array(level, { minLength: members, maxLength: members }),
        cut: fc.subarray(places, { minLength: 2 * faulty + 1 }),
      });
    });
    fc.assert(
      fc.property(setting, ({ members, levels, cut }) => {
        const quorum = quorumOf(members);
        const shares = sharesOfCut(levels, cut, quorum);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
        const counted = shares.filter((share) => share > 0).length;
        expect(counted).toBeGreaterThan(2 * quorum.faulty);
        expect(cut.length - counted).toBeLessThanOrEqual(quorum.faulty);
      }),
    );
  });
});
