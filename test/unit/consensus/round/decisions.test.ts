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
  ROSTER,
} from "../../../support/agreed-node.ts";

const signers = (...places: readonly number[]) =>
  places.map((place) => ({ place, signature: new Uint8Array(64) }));
const decision = (change: Partial<Decision> = {}): Decision => ({
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

  test.each<readonly [string, Partial<Decision>, RegExp]>([
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
    const fault = (change: Partial<Decision>) => {
      const block = { ...blockOf(ROSTER.map((peer) => ballot(peer, ALL))) };
      return blockFault({ ...block, decision: decision(change) }, { ...ground, ...at, head });
    };

    expect(fault({})).toBeNull();
    expect(fault({ number: 1 })).toMatch(/not next/);
  });

  test("is in force from its height on, at once where that is past; the next one takes its place", () => {
    const at = (height: number, change: Partial<Decision>) => ({
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
    expect(node.state.decision).toBeNull();
    node.hear({ type: "decided", change: decision() });
    expect(node.state.decision).toBeNull();
    const next = decision({ number: 1, rounds: 4 });
    node.hear({ type: "decided", change: next });
    expect(node.state.decision).toEqual(next);
  });

  test("keeps one that waits while other blocks come", () => {
    const node = conclude(told("a", decision({ from: 3 })), chain(null));
    expect(node.state.decision).toEqual(decision({ from: 3 }));
  });
});

describe("the end of the run", () => {
  const blocks = (count: number, change: Partial<Decision>) =>
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
