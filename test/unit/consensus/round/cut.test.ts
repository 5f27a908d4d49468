import { describe, expect, test } from "vitest";
import { cutOf } from "../../../../src/consensus/round/agreed/cut.ts";
import type { BlockBallot, Opinion } from "../../../../src/consensus/round/agreed/messages.ts";
import { type Quorum, quorumOf } from "../../../../src/consensus/round/agreed/quorum.ts";

const SIZES = [4, 5, 6, 7, 8, 9, 10];

type Ballot = Pick<BlockBallot, "opinions" | "held">;

/** A ballot that holds everybody's update but the first author's, of which it says something else. */
function ballotOf(members: number, first: Opinion, payload = "of 0"): Ballot {
  const opinions = Array.from({ length: members }, (_, place) => (place === 0 ? first : "neutral"));
  const held = opinions.flatMap((opinion, place) => {
    if (opinion === "absent") return [];
    return [{ place, payload: place === 0 ? payload : `of ${place}` }];
  });
  return { opinions, held };
}

const times = (count: number, ballot: Ballot): readonly Ballot[] =>
  Array.from({ length: count }, () => ballot);
const counts = (most: number): readonly number[] => [...Array(most + 1).keys()];

/** What ballots a proposer may carry, when so many honest members hold the first author's update as sound. */
function* choices({ members, faulty, size }: Quorum, holders: number) {
  const honest = members - faulty;
  for (const holding of counts(holders)) {
    for (const lacking of counts(honest - holders)) {
      for (const lies of counts(faulty)) {
        for (const denials of counts(faulty - lies)) {
          const carried = [
            ...times(holding + lies, ballotOf(members, "neutral")),
            ...times(lacking + denials, ballotOf(members, "absent")),
          ];
          if (carried.length >= size) yield carried;
        }
      }
    }
  }
}

const isIn = (ballots: readonly Ballot[], quorum: Quorum): boolean =>
  cutOf({ ballots, evidence: [] }, quorum).some(({ place }) => place === 0);

describe.each(SIZES)("the cut of %i members, of whom f lie about one author", (members) => {
  const quorum = quorumOf(members);
  const honest = members - quorum.faulty;

  test("has what all honest members hold, whatever ballots are carried", () => {
    for (const ballots of choices(quorum, honest)) expect(isIn(ballots, quorum)).toBe(true);
  });

  test("has nothing that no honest member holds", () => {
    for (const ballots of choices(quorum, 0)) expect(isIn(ballots, quorum)).toBe(false);
  });

  test("loses nobody to one ballot more", () => {
    for (const holders of counts(honest)) {
      for (const ballots of choices(quorum, holders)) {
        if (ballots.length === members || !isIn(ballots, quorum)) continue;
        for (const opinion of ["neutral", "absent", "malformed", "harmful"] as const) {
          expect(isIn([...ballots, ballotOf(members, opinion)], quorum)).toBe(true);
        }
      }
    }
  });

  test("never has a payload that only liars name beside the one that honest members hold", () => {
    const lies = times(quorum.faulty, ballotOf(members, "neutral", "another"));
    for (const ballots of choices({ ...quorum, faulty: quorum.faulty }, honest)) {
      const room = members - ballots.length;
      const cut = cutOf({ ballots: [...ballots, ...lies.slice(0, room)], evidence: [] }, quorum);
      expect(cut.find(({ place }) => place === 0)?.payload).toBe("of 0");
    }
  });

  test("can be made of a quorum of honest ballots, whatever one author announced to each", () => {
    const ballots = counts(honest - 1).map((who) => ballotOf(members, "neutral", `to ${who}`));
    const cut = cutOf({ ballots, evidence: [] }, quorum);

    expect(ballots.length).toBeGreaterThanOrEqual(quorum.size);
    expect(cut.map(({ place }) => place)).toEqual(counts(members - 1).slice(1));
  });

  test("is empty below 2f + 1 authors", () => {
    const few = 2 * quorum.faulty;
    const opinions = counts(members - 1).map(
      (place): Opinion => (place < few ? "neutral" : "absent"),
    );
    const held = counts(few - 1).map((place) => ({ place, payload: `of ${place}` }));

    const ballots = times(members, { opinions, held: few === 0 ? [] : held });
    expect(cutOf({ ballots, evidence: [] }, quorum)).toEqual([]);
  });
});

test("f ballots instead of q - f would let liars bring in what no honest member holds (control)", () => {
  for (const members of SIZES) {
    const { faulty, size } = quorumOf(members);
    const loose = { members, faulty, size: 2 * faulty };
    const ballots = [
      ...times(faulty, ballotOf(members, "neutral")),
      ...times(size - faulty, ballotOf(members, "absent")),
    ];
    expect(isIn(ballots, loose)).toBe(true);
  }
});

describe("safety for any number of views, by quorums alone", () => {
  /** Every way to share `total` among `kinds`. */
  function* shared(total: number, kinds: number): Generator<readonly number[]> {
    if (kinds === 1) yield [total];
    else {
      for (const first of counts(total)) {
        for (const rest of shared(total - first, kinds - 1)) yield [first, ...rest];
      }
    }
  }

  /**
   * What views below leave behind is which of two blocks may be proposed next (bits 0 and 1) and which may be final
   * (bits 2 and 3): a fixpoint over that. Honest members are alike, f members vote for everything.
   */
  function isSafe(members: number, size: number): boolean {
    const { faulty } = quorumOf(members);
    const enough = (votes = 0) => votes + faulty >= size;
    const seen = new Set([3]);
    for (const summary of seen) {
      const mayPropose = (block: number) => (summary & (1 << block)) !== 0;
      for (const votes of votesFor(members - faulty, { enough, mayPropose })) {
        seen.add(after(summary, votes));
      }
    }
    return ![...seen].some((summary) => (summary & 12) === 12);
  }

  interface Rules {
    readonly enough: (votes?: number) => boolean;
    readonly mayPropose: (block: number) => boolean;
  }
  /** How many honest members notarize A, B or none; and how many finalize A or B, nullify, or neither. */
  interface Votes extends Rules {
    readonly first: readonly number[];
    readonly second: readonly number[];
  }

  function* votesFor(honest: number, rules: Rules): Generator<Votes> {
    const { enough, mayPropose } = rules;
    for (const first of shared(honest, 3)) {
      if ([0, 1].some((block) => (first[block] ?? 0) > 0 && !mayPropose(block))) continue;
      for (const second of shared(honest, 4)) {
        const isSo = [0, 1].every((block) => (second[block] ?? 0) === 0 || enough(first[block]));
        if (isSo) yield { first, second, ...rules };
      }
    }
  }

  function after(summary: number, votes: Votes): number {
    const { first, second, enough, mayPropose } = votes;
    let next = summary & 12;
    for (const block of [0, 1]) {
      if (!mayPropose(block)) continue;
      if (enough(first[block]) || enough(second[2])) next |= 1 << block;
      if (enough(first[block]) && enough(second[block])) next |= 4 << block;
    }
    return next;
  }

  test.each(SIZES)(
    "%i members never have two final blocks, with one vote less they do",
    (members) => {
      const { size } = quorumOf(members);

      expect(isSafe(members, size)).toBe(true);
      expect(isSafe(members, size - 1)).toBe(false);
    },
  );
});
