import { describe, expect, test } from "vitest";
import {
  type Block,
  blockFault,
  type Decision,
  decidedAfter,
  decisionFault,
  genesis,
  type Link,
  quorumOf,
  type Rollback,
  rollbackOf,
  type Setting,
  stepsOf,
  UNDECIDED,
} from "../../../../src/consensus/index.ts";
import {
  ALL,
  BYTES,
  ballot,
  blockOf,
  certificate,
  MEMBERS,
  NAME,
  Node,
  proposal as proposed,
  ROSTER,
} from "../../../support/agreed-node.ts";

const signers = (...places: readonly number[]) =>
  places.map((place) => ({ place, signature: new Uint8Array(64) }));
const decision = (change: Partial<Setting> = {}): Setting => ({
  ...{ kind: "set", run: NAME.run, roster: MEMBERS.digest, number: 0 },
  ...{ rounds: 5, steps: 30, from: 1, signatures: signers(0, 1, 2) },
  ...change,
});
const ground = {
  ...{ run: NAME.run, roster: MEMBERS.digest, peers: ROSTER, height: 0, decided: UNDECIDED },
};

describe("a decision about the run", () => {
  test("can be made, or none (control)", () => {
    expect(decisionFault(decision(), ground)).toBeNull();
    expect(decisionFault(decision({ rounds: 1, from: 0 }), ground)).toBeNull();
    expect(decisionFault(null, ground)).toBeNull();
  });

  test.each<readonly [string, Partial<Setting>, RegExp]>([
    ["signed by q - 1", { signatures: signers(0, 1) }, /fewer than 3/],
    ["signed twice by one", { signatures: signers(0, 1, 1) }, /fewer than 3/],
    ["signed by nobody's place", { signatures: signers(0, 1, 4) }, /fewer than 3/],
    ["of another run", { run: "f".repeat(64) }, /another run/],
    ["of another roster", { roster: "another" }, /another roster/],
    ["that is not next", { number: 1 }, /not next/],
    ["that ends the run before now", { rounds: 0, from: 0 }, /which is over/],
    ["from a round on that never comes", { from: 5 }, /after the last/],
  ])("is refused %s", (_, change, reason) => {
    expect(decisionFault(decision(change), ground)).toMatch(reason);
  });

  test("makes a block wrong that has it and cannot", () => {
    const at = { payloadBytes: BYTES, quorum: quorumOf(4), attackersMin: 1 };
    const head = genesis(NAME.run, "start", MEMBERS);
    const fault = (change: Partial<Setting>) => {
      const block = { ...blockOf(ROSTER.map((peer) => ballot(peer, ALL))) };
      return blockFault({ ...block, decision: decision(change) }, { ...ground, ...at, head });
    };

    expect(fault({})).toBeNull();
    expect(fault({ number: 1 })).toMatch(/not next/);
  });

  test("is in force from its height on, at once where that is past; the next one takes its place", () => {
    const at = (height: number, change: Partial<Setting>) => ({
      height,
      decision: decision(change),
    });
    const one = decidedAfter(UNDECIDED, at(3, { from: 0, rounds: 80, steps: 30 }));
    expect([stepsOf(one, 3), stepsOf(one, 4)]).toEqual([null, 30]);

    const two = decidedAfter(one, at(6, { from: 20, rounds: 90, steps: 40 }));
    expect(two).toMatchObject({ number: 2, newest: { rounds: 90, from: 20 } });
    expect([stepsOf(two, 7), stepsOf(two, 19), stepsOf(two, 20)]).toEqual([30, 30, 40]);

    const three = decidedAfter(two, at(8, { from: 15, rounds: 70, steps: 50 }));
    expect([9, 14, 15, 20].map((height) => stepsOf(three, height))).toEqual([30, 30, 50, 50]);
    expect(decidedAfter(three, { height: 9, decision: null })).toBe(three);
  });
});

/** A member, up and connected with the others, that is told of decisions; it is configured for three rounds. */
function told(self: string, ...decisions: readonly Decision[]): Node {
  const node = new Node(self);
  for (const peer of ROSTER.filter((each) => each !== self)) {
    node.hear({ type: "presence", peer, isThere: true });
  }
  node.start();
  for (const change of decisions) node.hear({ type: "decided", change });
  return node;
}

/** The blocks of heights from 0 on, each on the one below. */
function chain(...decisions: readonly (Decision | null)[]): readonly Link[] {
  return decisions.map((each, height) => {
    const parent = height === 0 ? NAME.run : `block ${height - 1}`;
    const body: Block = { ...blockOf([]), height, parent, decision: each };
    const block = { ...body, ballots: blockOf(ROSTER.map((peer) => ballot(peer, ALL))).ballots };
    return { block, digest: `block ${height}`, certificate: certificate("finalize", 0, "block") };
  });
}

function conclude(node: Node, links: readonly Link[]): Node {
  node.hear({ type: "chained", links });
  return node.hear({ type: "concluded", round: 0, links });
}

describe("a member that is told of a decision", () => {
  function proposal(...decisions: readonly Decision[]): Block {
    const node = told("d", ...decisions);
    node.told(...ROSTER.map((peer) => ballot(peer, ALL)));
    for (const peer of ROSTER) node.hear({ type: "fetched", payload: `of ${peer}` });
    node.hear({ type: "computed", round: 0, outcome: { cut: ALL, checkpoint: "after", norm: 4 } });
    const asked = node.asked.findLast(({ type }) => type === "propose");
    if (asked?.type !== "propose" || asked.fresh === null) throw new Error("no proposal");
    return asked.fresh;
  }

  test("proposes it, the first of two, and none that does not fit", () => {
    expect(proposal().decision).toBeNull();
    expect(proposal(decision(), decision({ rounds: 9 })).decision).toEqual(decision());
    expect(proposal(decision({ number: 1 }), decision({ rounds: 9 })).decision).toEqual(
      decision({ rounds: 9 }),
    );
  });

  test("makes it once, and then hears the next", () => {
    const node = conclude(told("a", decision()), chain(decision()));

    expect(node.state.head.decided).toMatchObject({ number: 1, newest: { rounds: 5 } });
    expect(node.state.decisions).toEqual([]);
    node.hear({ type: "decided", change: decision() });
    expect(node.state.decisions).toEqual([]);
    const next = decision({ number: 1, rounds: 4 });
    node.hear({ type: "decided", change: next });
    expect(node.state.decisions).toEqual([next]);
  });

  test("keeps one that waits while other blocks come", () => {
    const node = conclude(told("a", decision({ from: 3 })), chain(null));
    expect(node.state.decisions).toEqual([decision({ from: 3 })]);
  });
});

describe("the end of the run", () => {
  const blocks = (count: number, change: Partial<Setting>) =>
    chain(...Array.from({ length: count }, (_, i) => (i === 1 ? decision(change) : null)));

  test("is what each was configured with, while nothing is decided (control)", () => {
    expect(conclude(told("a"), chain(null, null)).state.phase).toBe("running");
    expect(conclude(told("a"), chain(null, null, null)).state.phase).toBe("done");
  });

  test("is what the members have decided, later or sooner", () => {
    const [four, five] = [4, 5].map((count) => conclude(told("a"), blocks(count, { rounds: 5 })));
    expect([four?.state.phase, five?.state.phase]).toEqual(["running", "done"]);
    expect(five?.asked.at(-1)).toEqual({ type: "finish" });
    expect(conclude(told("a"), blocks(2, { rounds: 2 })).state.phase).toBe("done");
  });
});

const rollback = (change: Partial<Rollback> = {}): Rollback => ({
  ...{ kind: "rollback", run: NAME.run, roster: MEMBERS.digest, number: 0 },
  ...{ without: "b", since: 0, signatures: signers(0, 1, 2) },
  ...change,
});

describe("a rollback", () => {
  test("goes back to rounds that are over, and not across another one", () => {
    const at = { ...ground, height: 7 };
    expect(decisionFault(rollback({ since: 7 }), at)).toBeNull();
    expect(decisionFault(rollback({ since: 8 }), at)).toMatch(/not over/);
    const decided = decidedAfter(UNDECIDED, { height: 5, decision: rollback() });
    expect(decided).toEqual({ ...UNDECIDED, number: 1, rolledBackAt: 5 });
    const next = { ...at, decided };
    expect(decisionFault(rollback({ number: 1, since: 5 }), next)).toMatch(
      /across that of round 6/,
    );
    expect(decisionFault(rollback({ number: 1, since: 6 }), next)).toBeNull();
  });

  /** A member in view 0 that is shown a block, and has mixed for it. */
  function shown(decision: Decision | null, mixed: string): Node {
    const node = told("a");
    node.told(...ROSTER.map((peer) => ballot(peer, ALL)));
    const block = blockOf(
      ROSTER.map((peer) => ballot(peer, ALL)),
      { decision },
    );
    node.told(proposed(0, "A", block));
    for (const peer of ROSTER) node.hear({ type: "fetched", payload: `of ${peer}` });
    const outcome = { cut: ALL, checkpoint: mixed, norm: 4, rollback: rollbackOf({ decision }) };
    return node.hear({ type: "computed", round: 0, outcome });
  }

  test("is mixed by everybody, and its block gets no vote where the state is another", () => {
    const sound = shown(rollback(), "after");
    expect(sound.asked).toContainEqual(
      expect.objectContaining({ type: "compute", cut: ALL, rollback: rollback() }),
    );
    expect(sound.kinds()).toContain("notarize");
    expect(shown(rollback(), "something else").kinds()).not.toContain("notarize");
    // control: the mix of the same cut without a rollback is of no use for it
    expect(shown(null, "after").kinds()).toContain("notarize");
  });

  test("is proposed by who can mix it, and left out by who cannot", () => {
    /** The decisions that a proposer proposes, once it has mixed the cut with a rollback or without, and late. */
    const decisionsIn = (mixed: Rollback | null, tookMs: number, ...more: readonly Decision[]) => {
      const node = told("d", rollback(), ...more);
      node.told(...ROSTER.map((peer) => ballot(peer, ALL)));
      for (const peer of ROSTER) node.hear({ type: "fetched", payload: `of ${peer}` });
      const outcome = { cut: ALL, checkpoint: "after", norm: 4, rollback: mixed };
      node.now = tookMs;
      node.hear({ type: "computed", round: 0, outcome });
      const soon = node.asked.length;
      const timers = node.asked.filter((each) => each.type === "start-timer");
      node.now = timers.findLast(({ timer }) => timer === "propose")?.at ?? 0;
      node.hear({ type: "timer", timer: "propose", round: 0 });
      const made = (from: number, to?: number) =>
        node.asked
          .slice(from, to)
          .flatMap((each) => (each.type === "propose" ? [each.fresh?.decision] : []));
      return { soon: made(0, soon), late: made(soon) };
    };

    expect(decisionsIn(rollback(), 0)).toEqual({ soon: [rollback()], late: [] });
    expect(decisionsIn(null, 0)).toEqual({ soon: [], late: [null] });
    // to mix it took longer than others wait for what cannot be mixed
    expect(decisionsIn(rollback(), 900)).toEqual({ soon: [rollback()], late: [] });
    // what else was decided goes after a rollback that can be made, and does not wait for one that cannot
    const other = decision({ rounds: 9 });
    expect(decisionsIn(rollback(), 0, other)).toEqual({ soon: [rollback()], late: [] });
    expect(decisionsIn(null, 0, other)).toEqual({ soon: [], late: [other] });
  });

  test("counts also in a round whose cut is empty", () => {
    const node = told("a");
    const empty = ROSTER.map((peer) => ballot(peer, []));
    node.told(...empty);
    const block = blockOf(empty, { decision: rollback(), cut: [], payloads: [], norm: 0 });
    node.told(proposed(0, "A", block));
    expect(node.asked).toContainEqual(expect.objectContaining({ type: "compute", cut: [] }));
    const still = told("a").told(...empty);
    still.told(proposed(0, "A", { ...block, decision: null }));
    // control: without one another state is wrong
    expect(still.kinds()).toContain("nullify");
    expect(node.kinds()).not.toContain("nullify");
  });
});
