import { describe, expect, test } from "vitest";
import { Roster } from "../../../../src/consensus/graph/roster.ts";
import { AnnouncementBook } from "../../../../src/consensus/round/announcement-book.ts";
import type { SignedAnnouncement } from "../../../../src/gossip/index.ts";

const RUN = "a".repeat(64);
const change = { round: 6, peer: "bert", joins: false } as const;
const roster = new Roster(["anna", "bert"], [change]);
const terms = { run: RUN, rounds: 10, roster };

function signed(fields: Partial<SignedAnnouncement["announcement"]> = {}): SignedAnnouncement {
  const round = fields.round ?? 3;
  const announcement = {
    run: RUN,
    author: "anna",
    mode: "gossip" as const,
    codec: 0,
    flags: 0,
    reference: "e".repeat(64),
    round,
    sequence: 100 + round,
    payload: "c".repeat(64),
    payloadBytes: 10,
    examples: 5,
    issuedAt: 0,
    expiresAt: 1,
    ...fields,
  };
  return { announcement, bytes: new TextEncoder().encode(JSON.stringify(announcement)) };
}

describe("an announcement is judged by what the run shares", () => {
  const cases: [string, Partial<SignedAnnouncement["announcement"]>, string, string][] = [
    ["of another run is ignored", { run: "d".repeat(64) }, "ignore", "other-run"],
    ["of a stranger is ignored", { author: "carl" }, "ignore", "not-member"],
    ["of a former member is", { author: "bert", round: 6 }, "ignore", "not-member"],
    ["for a round beyond the run is ignored", { round: 10 }, "ignore", "future-round"],
    ["for a round long over is ignored", { round: 0 }, "ignore", "past-round"],
  ];
  test.each(cases)("one %s", (_, fields, verdict, reason) => {
    expect(new AnnouncementBook(terms).judge(signed(fields), 3)).toEqual({ verdict, reason });
  });

  test("one that fits is accepted once as news and then as a repetition", () => {
    const book = new AnnouncementBook(terms);

    expect(book.judge(signed(), 3)).toEqual({ verdict: "accept", value: { fresh: true } });
    expect(book.judge(signed(), 3)).toEqual({ verdict: "accept", value: { fresh: false } });
  });
});

describe("two payloads of one author for one round", () => {
  test("are passed on once, as proof, and both are kept", () => {
    const book = new AnnouncementBook(terms);
    const [first, second, third] = ["c", "d", "e"].map((digit) =>
      signed({ payload: digit.repeat(64) }),
    ) as [SignedAnnouncement, SignedAnnouncement, SignedAnnouncement];
    book.judge(first, 3);

    expect(book.judge(second, 3)).toEqual({ verdict: "accept", value: { fresh: true } });
    expect(book.judge(third, 3)).toEqual({ verdict: "ignore", reason: "equivocation" });
    expect(book.equivocation("anna")).toEqual({ first, second });
    expect(book.of("anna", 3)).toBe(first);
  });
});

test("a second story of a round is found out behind any number of future rounds", () => {
  const book = new AnnouncementBook({ ...terms, rounds: 100 });
  book.judge(signed({ round: 3, sequence: 50 }), 3);
  for (let round = 4; round < 30; round++) book.judge(signed({ round, sequence: 100 + round }), 3);

  book.judge(signed({ round: 3, sequence: 50, payload: "d".repeat(64) }), 3);

  expect(book.equivocation("anna")).toBeDefined();
});

test("the same update under ever new numbers is not passed on", () => {
  const book = new AnnouncementBook(terms);
  book.judge(signed({ sequence: 50 }), 3);

  expect(book.judge(signed({ sequence: 51 }), 3)).toEqual({ verdict: "ignore", reason: "replay" });
});

describe("the sequence of an author", () => {
  test("may not fall while its rounds rise: that is a replay from elsewhere", () => {
    const book = new AnnouncementBook(terms);
    book.judge(signed({ round: 3, sequence: 50 }), 3);

    const verdict = book.judge(signed({ round: 4, sequence: 50 }), 3);

    expect(verdict).toEqual({ verdict: "ignore", reason: "contradiction" });
  });

  test("may arrive out of order", () => {
    const book = new AnnouncementBook(terms);
    book.judge(signed({ round: 4, sequence: 51 }), 3);

    expect(book.judge(signed({ round: 3, sequence: 50 }), 3).verdict).toBe("accept");
    expect(book.newestRounds().get("anna")).toBe(4);
  });
});

test("what is kept of one author is bounded", () => {
  const book = new AnnouncementBook(terms);
  for (let round = 0; round < 10; round++) book.judge(signed({ round }), round);

  const rounds = Array.from({ length: 10 }, (_, round) => round);
  expect(rounds.filter((round) => book.of("anna", round) !== undefined)).toEqual([7, 8, 9]);
});
