import { describe, expect, it } from "vitest";
import { parseRosterChange, Roster } from "../../../../src/consensus/index.ts";
import { KlatchError } from "../../../../src/errors.ts";

const DORA = "12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2";

describe("a roster", () => {
  const roster = new Roster(
    ["anna", "bert", "carl"],
    [
      { round: 11, peer: "bert", joins: false },
      { round: 7, peer: "dora", joins: true },
    ],
  );

  it.each([
    [0, ["anna", "bert", "carl"]],
    [6, ["anna", "bert", "carl"]],
    [7, ["anna", "bert", "carl", "dora"]],
    [10, ["anna", "bert", "carl", "dora"]],
    [11, ["anna", "carl", "dora"]],
    [99, ["anna", "carl", "dora"]],
  ])("has in round %i the members %j", (round, members) => {
    expect(roster.at(round)).toEqual(members);
    for (const peer of ["anna", "bert", "carl", "dora", "eva"]) {
      expect(roster.isMember(peer, round)).toBe(members.includes(peer));
    }
  });

  it("knows when each comes and goes", () => {
    expect(roster.rounds).toEqual([0, 7, 11]);
    expect(roster.everyone).toEqual(["anna", "bert", "carl", "dora"]);
    const times = ["anna", "bert", "dora", "eva"].map((peer) => [
      roster.firstRound(peer),
      roster.lastRound(peer),
    ]);
    expect(times).toEqual([
      [0, null],
      [0, 11],
      [7, null],
      [null, null],
    ]);
  });

  it("lets a member that was removed come back", () => {
    const back = [
      { round: 3, peer: "anna", joins: false },
      { round: 5, peer: "anna", joins: true },
    ] as const;
    const again = new Roster(["anna", "bert"], back);
    expect([2, 3, 5].map((round) => again.isMember("anna", round))).toEqual([true, false, true]);
    expect(again.lastRound("anna")).toBeNull();
  });

  it.each([
    ["admits a member", { round: 3, peer: "anna", joins: true }],
    ["removes somebody who is no member", { round: 3, peer: "eva", joins: false }],
  ])("refuses a change that %s", (what, change) => {
    expect(() => new Roster(["anna"], [change])).toThrow(what);
  });
});

describe("a change as text", () => {
  it("counts rounds from 1", () => {
    expect(parseRosterChange(`8 +${DORA}`)).toEqual({ round: 7, peer: DORA, joins: true });
    expect(parseRosterChange(`12 -${DORA}`)).toEqual({ round: 11, peer: DORA, joins: false });
  });

  it.each(["", "+x", `0 +${DORA}`, `8 ${DORA}`, `8  +${DORA}`, `-1 +${DORA}`, `8 +${DORA} `])(
    "is refused as %j",
    (text) => {
      expect(() => parseRosterChange(text)).toThrow(KlatchError);
    },
  );
});
