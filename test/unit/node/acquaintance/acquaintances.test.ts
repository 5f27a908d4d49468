import { describe, expect, it } from "vitest";
import { Acquaintances } from "../../../../src/node/acquaintance/acquaintances.ts";
import { describeSelf, encodeSelf } from "../../../../src/node/acquaintance/self-description.ts";
import { type MemberFacts, whyNotMixed } from "../../../../src/node/acquaintance/why-not-mixed.ts";
import { parseConfig } from "../../../../src/node/config/load.ts";
import { silentLogger } from "../../../../src/node/process/logger.ts";

const SELF = "12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2";
const PEER = "12D3KooWGAX221r3r8b6iC7PsQct7Ebn5HBnDo8KHeckgbiD1uqM";
const members = [SELF, PEER];
const HOUR = 3_600_000;

function description(run: object = {}) {
  return describeSelf(parseConfig({ run: { members, ...run } }, "/"), null);
}

/** Acquaintances with the warnings that they log. */
function acquainted() {
  const warnings: string[] = [];
  const log = { ...silentLogger(), warn: ({ what }: { what: string }) => warnings.push(what) };
  const known = new Acquaintances({ self: SELF, description: description(), log: log as never });
  return { known, warnings };
}

const body = encodeSelf(description());
const clock = (offsetMs: number, tookMs = 10) => ({ offsetMs, tookMs });

describe("the clock of a member", () => {
  it.each([
    [4000, 10, null],
    [6000, 10, "its clock is 6 s ahead of this node's"],
    [-90_000, 10, "its clock is 90 s behind this node's"],
    // it may be that the answer took so long
    [6000, 4000, null],
    [2 * HOUR, 10, "its clock is 2 h 0 min ahead of this node's: beyond 10 min announcements are"],
    [-2 * HOUR, 10, "its clock is 2 h 0 min behind this node's: beyond 10 min announcements are"],
  ])("that is off by %i ms, asked in %i ms, is worth the words %s", (offset, took, words) => {
    const { known, warnings } = acquainted();
    known.hear(PEER, { body, clock: clock(offset, took) });
    if (words === null) expect(warnings).toEqual([]);
    else expect(warnings[0]).toContain(words);
  });
});

describe("the clock of a member that is asked again", () => {
  const troubles = (...offsets: readonly (readonly [offsetMs: number, tookMs: number])[]) => {
    const { known, warnings } = acquainted();
    for (const [offset, took] of offsets) known.hear(PEER, { body, clock: clock(offset, took) });
    return { told: known.troublesOf(PEER), warnings };
  };

  it("is off by what all answers tell together: a slow one takes nothing back", () => {
    const { told, warnings } = troubles([6000, 10], [6000, 4000], [7000, 3000]);
    expect(told).toEqual(["its clock is 6 s ahead of this node's"]);
    expect(warnings).toHaveLength(1);
  });

  it("is right when it has been set, and the warning comes again when it goes wrong again", () => {
    expect(troubles([2 * HOUR, 10], [3, 10]).told).toEqual([]);
    expect(troubles([6000, 10], [3, 10], [6000, 10]).warnings).toHaveLength(2);
  });
});

describe("what a member says", () => {
  it("is logged once, and again when it changes", () => {
    const { known, warnings } = acquainted();
    for (const steps of [41, 41, 42]) {
      known.hear(PEER, { body: encodeSelf(description({ steps })), clock: null });
    }
    expect(warnings).toEqual([
      "runs another run: run.steps 41, here 20",
      "runs another run: run.steps 42, here 20",
    ]);
  });

  it("is missed of an earlier version, and of nonsense", () => {
    const { known } = acquainted();
    known.hear(PEER, { body: null, clock: null });
    expect(known.of(PEER)?.barrier).toMatch(/earlier version/);
    known.hear(PEER, { body: Uint8Array.of(1), clock: null });
    expect(known.of(PEER)?.barrier).toMatch(/cannot read/);
  });

  it("counts until it says goodbye, and anew when it is back", () => {
    const { known } = acquainted();
    known.hear(PEER, { body, clock: null });
    known.left(PEER);
    expect(known.of(PEER)).toMatchObject({ hasLeft: true, barrier: null });
    known.hear(PEER, { body, clock: null });
    expect(known.of(PEER)).toMatchObject({ hasLeft: false });
  });
});

it("a visit in a member's name says nothing of its node", () => {
  const { known, warnings } = acquainted();
  const visit = encodeSelf({ ...description({ steps: 41 }), visits: true });
  expect(known.hear(PEER, { body: visit, clock: clock(2 * HOUR) })).toBe(false);
  expect(known.of(PEER)).toBeNull();
  expect(known.hear(PEER, { body, clock: null })).toBe(true);
  known.left(PEER);
  expect(known.hear(PEER, { body: visit, clock: null })).toBe(false);
  expect(known.of(PEER)).toMatchObject({ hasLeft: true, barrier: null });
  expect(warnings).toEqual([]);
});

it("a member that is connected again has not stopped, whatever it says then", () => {
  const { known } = acquainted();
  known.returned(PEER);
  expect(known.of(PEER)).toBeNull();
  known.left(PEER);
  known.returned(PEER);
  expect(known.of(PEER)).toMatchObject({ hasLeft: false });
});

it("the last sixteen strangers are remembered", () => {
  const { known } = acquainted();
  for (let i = 0; i < 100; i += 1) known.knocked(`stranger-${i % 20}`);
  expect(known.strangers).toHaveLength(16);
  expect(known.strangers.at(-1)).toBe("stranger-19");
});

describe("a member that is not mixed with has a reason, always", () => {
  const met = {
    version: "1.0.0",
    barrier: null,
    notes: [],
    clock: { least: 0, most: 0 },
    hasLeft: false,
  };
  const facts: MemberFacts = {
    isMixed: false,
    isFinished: false,
    isNeighbour: true,
    standing: "full",
    connection: { direction: "inbound" },
    lastDial: null,
    soughtAt: null,
    acquaintance: met,
    clockTrouble: null,
    refused: null,
    announced: 3,
    round: 3,
  };
  const lost = { connection: null, acquaintance: null };
  const lastDial = { address: "/ip4/1.2.3.4/tcp/1", reason: "connection refused" };
  const gone = { connection: null, acquaintance: { ...met, hasLeft: true } };
  it.each<[Partial<MemberFacts>, RegExp | null]>([
    [{ isMixed: true }, null],
    [{}, /had no part in the last round/],
    [{ isMixed: null }, /round is not over/],
    [{ announced: null }, /not announced a round/],
    [{ announced: 1 }, /announced round 2, this node is in round 4/],
    [{ refused: "gate-veto" }, /its update was not used: gate-veto/],
    [{ standing: "isolated" }, /isolated for a while/],
    [{ standing: "evicted", isMixed: true }, /evicted/],
    [{ isNeighbour: false }, /no neighbour in this topology/],
    [{ acquaintance: { ...met, barrier: "runs another run: x" } }, /runs another run: x/],
    [{ clockTrouble: { words: "its clock is off", isBarrier: true } }, /clock is off/],
    [{ clockTrouble: { words: "its clock is off", isBarrier: false } }, /had no part/],
    [{ ...lost }, /not met yet: no address of it is known/],
    [
      { ...lost, soughtAt: "/ip4/1.2.3.4/tcp/1" },
      /not met yet: it is sought at .ip4.1.2.3.4.tcp.1/,
    ],
    [{ ...lost, lastDial }, /not reached at \/ip4\/1.2.3.4\/tcp\/1: connection refused/],
    // between the moment that a peer is connected with and its dropping this node
    [{ acquaintance: null, lastDial }, /not reached at .*: connection refused/],
    [{ connection: null }, /the connection was lost/],
    [gone, /has stopped, and said so/],
    [{ ...gone, lastDial }, /has stopped, and said so/],
    [{ ...gone, isMixed: true }, /has stopped, and said so/],
    [{ ...gone, isMixed: true, isFinished: true }, null],
  ])("as with %o", (change, words) => {
    const reason = whyNotMixed({ ...facts, ...change });
    if (words === null) expect(reason).toBeNull();
    else expect(reason).toMatch(words);
  });
});
