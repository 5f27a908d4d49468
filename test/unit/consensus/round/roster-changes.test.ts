import { describe, expect, test } from "vitest";
import {
  type Block,
  type ChangeGround,
  changesFault,
  headAfter,
  type SignedRosterChange,
  UNDECIDED,
} from "../../../../src/consensus/index.ts";
import { ALL, ballot, blockOf, MEMBERS, NAME, Node, ROSTER } from "../../../support/agreed-node.ts";

const bytes = new Uint8Array(64);
const signers = (...places: readonly number[]) =>
  places.map((place) => ({ place, signature: bytes }));

function change(
  kind: SignedRosterChange["kind"],
  peer: string,
  more: Partial<SignedRosterChange> = {},
): SignedRosterChange {
  return {
    ...{ kind, run: NAME.run, roster: MEMBERS.digest, peer, successor: null },
    ...{ consent: kind === "remove" ? null : bytes, signatures: signers(0, 1, 2) },
    ...more,
  };
}

const ground: ChangeGround = {
  ...{ run: NAME.run, roster: MEMBERS.digest, peers: ROSTER, attackersMin: 1 },
};
const rotation = change("rotate", "b", { successor: "z" });
const five: ChangeGround = { ...ground, peers: [...ROSTER, "e"] };
const offFive = { signatures: signers(0, 1, 2, 3) };

describe("a change of the roster is made", () => {
  test.each<readonly [string, readonly SignedRosterChange[], ChangeGround]>([
    ["an addition", [change("add", "e")], ground],
    ["a rotation", [rotation], ground],
    ["two at once", [rotation, change("add", "e")], ground],
    ["a removal that leaves as many liars borne", [change("remove", "c", offFive)], five],
    ["somebody for somebody", [change("add", "e"), change("remove", "c")].toReversed(), ground],
    ["a rotation of three, who bear none", [rotation], { ...ground, peers: ["a", "b", "c"] }],
  ])("as %s", (_, changes, against) => {
    expect(changesFault(changes, against)).toBeNull();
  });
});

describe("a change of the roster is refused", () => {
  test.each<readonly [string, readonly SignedRosterChange[], RegExp]>([
    ["signed by q - 1", [change("add", "e", { signatures: signers(0, 1) })], /fewer than 3/],
    ["signed twice by one", [change("add", "e", { signatures: signers(0, 1, 1) })], /fewer than 3/],
    ["signed by nobody's place", [change("add", "e", { signatures: signers(0, 1, 4) })], /fewer/],
    ["of another roster", [change("add", "e", { roster: "another" })], /another roster/],
    ["of another run", [change("add", "e", { run: "f".repeat(64) })], /another run/],
    ["that adds a member", [change("add", "b")], /who is a member/],
    ["that removes a stranger", [change("remove", "e")], /no member/],
    ["without the new key's word", [change("add", "e", { consent: null })], /not signed/],
    ["that rotates to a member", [{ ...rotation, successor: "c" }], /who is a member/],
    ["that rotates to nobody", [{ ...rotation, successor: null }], /new key/],
    ["that leaves too few", [change("remove", "c")], /do not bear 1/],
    ["beside f + 1 others", ["e", "f", "g"].map((peer) => change("add", peer)), /more than 2/],
    ["twice", [change("add", "e"), change("add", "e")], /one member/],
    ["out of order", [change("add", "f"), change("add", "e")], /out of order/],
  ])("%s", (_, changes, reason) => {
    expect(changesFault(changes, ground)).toMatch(reason);
  });
});

const certificate = {
  ...NAME,
  kind: "certificate",
  vote: "finalize",
  view: 0,
  block: "A",
} as const;
const membersOf = (peers: readonly string[]) => ({
  ...{ peers, digest: peers.join(), turns: [...peers.keys()] },
});
const start = { height: 0, parent: NAME.run, checkpoint: "start", norm: 0, decided: UNDECIDED };
const linkOf = (block: Block) => ({
  ...{ block, digest: "A", certificate: { ...certificate, signatures: [] } },
});

describe("the next height", () => {
  const base = blockOf(ROSTER.map((peer) => ballot(peer, ALL)));
  const headOf = (block: Block) =>
    headAfter({ ...start, members: MEMBERS, levels: [8, 3, 6, 5] }, [linkOf(block)], membersOf);

  test("has the new members; a new key has the trust of the old one, a newcomer all", () => {
    const rosterChanges = [change("add", "aa"), rotation];
    const { members, levels } = headOf({ ...base, rosterChanges });

    expect(members.peers).toEqual(["a", "aa", "c", "d", "z"]);
    expect(levels).toEqual([8, 8, 7, 6, 4]);
  });

  test("has whom evidence names under no new key", () => {
    const statement = { ...NAME, kind: "nullify", view: 0, block: null } as const;
    const lie = { statement, signature: bytes };
    const evidence = [{ place: 1, first: lie, second: lie }] as const;
    const { members } = headOf({ ...base, rosterChanges: [rotation], evidence });

    expect(members.peers).toEqual(["a", "c", "d"]);
  });
});

/** A member, up and connected with the others, that is told of a change. */
function told(self: string, ...changes: readonly SignedRosterChange[]): Node {
  const node = new Node(self);
  for (const peer of ROSTER.filter((each) => each !== self)) {
    node.hear({ type: "presence", peer, isThere: true });
  }
  node.start();
  for (const each of changes) node.hear({ type: "decided", change: each });
  return node;
}

describe("a member that is told of a change", () => {
  function proposal(...changes: readonly SignedRosterChange[]): Block {
    const node = told("d", ...changes);
    node.told(...ROSTER.map((peer) => ballot(peer, ALL)));
    for (const peer of ROSTER) node.hear({ type: "fetched", payload: `of ${peer}` });
    const outcome = { cut: ALL, checkpoint: "after", norm: 4 };
    node.hear({ type: "computed", round: 0, outcome });
    const asked = node.asked.findLast(({ type }) => type === "propose");
    if (asked?.type !== "propose" || asked.fresh === null) throw new Error("no proposal");
    return asked.fresh;
  }

  test("proposes it, and as many as a block may make", () => {
    expect(proposal(rotation).rosterChanges).toEqual([rotation]);
    const many = ["e", "f", "g"].map((peer) => change("add", peer));
    expect(proposal(...many).rosterChanges).toEqual(many.slice(0, 2));
  });

  test("forgets what does not fit (control)", () => {
    expect(told("d", change("add", "e", { roster: "another" })).state.changes).toEqual([]);
    expect(told("d", change("add", "e", { signatures: signers(0) })).state.changes).toEqual([]);
  });

  test("makes each once: the roster that it names is gone", () => {
    const node = told("a", change("add", "e"));
    const block = {
      ...blockOf(["b", "c", "d"].map((peer) => ballot(peer, ALL))),
      rosterChanges: [change("add", "e")],
    };
    node.hear({ type: "chained", links: [linkOf(block)] });
    node.hear({ type: "concluded", round: 0, links: [linkOf(block)] });

    expect(node.state.head.members.peers).toEqual([...ROSTER, "e"]);
    expect(node.state.changes).toEqual([]);
    node.hear({ type: "decided", change: change("add", "e") });
    expect(node.state.changes).toEqual([]);
    expect(node.state.height.simplex.quorum).toEqual({ members: 5, faulty: 1, size: 4 });
  });

  test("goes on by the new roster: who left is not heard, and who is removed is done", () => {
    const removal = { ...change("remove", "a"), signatures: signers(0, 1, 2, 3) };
    const gone = told("a");
    const block = blockOf(
      ["b", "c", "d"].map((peer) => ballot(peer, ALL)),
      {
        rosterChanges: [removal],
      },
    );
    gone.hear({ type: "chained", links: [linkOf(block)] });
    gone.hear({ type: "concluded", round: 0, links: [linkOf(block)] });

    expect(gone.state.phase).toBe("done");
    expect(gone.asked.at(-1)).toEqual({ type: "finish" });
  });
});

describe("a node that is no member yet", () => {
  test("says and trains nothing, asks for the chain, and begins when a block adds it", () => {
    const guest = new Node("e");
    for (const peer of ROSTER) guest.hear({ type: "presence", peer, isThere: true });
    guest.start();
    guest.now = 60_000;
    guest.hear({ type: "timer", timer: "repeat", round: 0 });

    expect(guest.asked.map(({ type }) => type)).toContain("catch-up");
    expect(guest.asked.filter(({ type }) => ["train", "send", "announce"].includes(type))).toEqual(
      [],
    );
    const block = blockOf(
      ROSTER.map((peer) => ballot(peer, ALL)),
      {
        rosterChanges: [change("add", "e")],
      },
    );
    guest.hear({ type: "chained", links: [linkOf(block)] });
    guest.hear({ type: "concluded", round: 0, links: [linkOf(block)] });

    expect(guest.asked.at(-1)).toEqual({ type: "train", round: 1 });
    expect(guest.state.present.size).toBe(4);
  });
});
