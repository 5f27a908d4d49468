import { describe, expect, test } from "vitest";
import {
  areContradictory,
  type Block,
  blockFault,
  headAfter,
  quorumOf,
  type Said,
  type SignedStatement,
  UNDECIDED,
} from "../../../../src/consensus/index.ts";
import {
  ALL,
  announced,
  BYTES,
  ballot,
  blockOf,
  list,
  MEMBERS,
  NAME,
  Node,
  proposal,
  ROSTER,
  signed,
} from "../../../support/agreed-node.ts";

const vote = (kind: "notarize" | "nullify" | "finalize", block: string | null, view = 1): Said => ({
  ...{ ...NAME, kind, view, block },
});
const said = ({ statement }: SignedStatement): Said => statement;
const announcement = (payload: string): Said => ({
  ...{ kind: "announcement", run: NAME.run, height: 0, payload, body: new Uint8Array() },
});
const three = ALL.slice(0, 3);
const other = [{ place: 0, payload: "another" }, ...ALL.slice(1)];
const ofAnotherParent = (statement: Said): Said => ({ ...statement, parent: "elsewhere" }) as Said;
const changed = ({ statement }: SignedStatement, change: object): Said =>
  ({ ...statement, ...change }) as Said;
const otherOpinions = ["harmful", "neutral", "neutral", "neutral"];
const ofAnotherHeight = (statement: Said): Said => ({ ...statement, height: 1 }) as Said;

describe("evidence", () => {
  test.each<readonly [string, Said, Said]>([
    ["two announcements", announcement("one"), announcement("another")],
    ["two lists", said(list("b", ALL)), said(list("b", three))],
    ["lists on two parents", said(list("b", ALL)), ofAnotherParent(said(list("b", ALL)))],
    ["two ballots", said(ballot("b", ALL)), said(ballot("b", other))],
    ["ballots on two parents", said(ballot("b", ALL)), ofAnotherParent(said(ballot("b", ALL)))],
    [
      "two ballots of other opinions",
      said(ballot("b", ALL)),
      changed(ballot("b", ALL), { opinions: otherOpinions }),
    ],
    [
      "two proposals of a block",
      said(proposal(1, "A")),
      changed(proposal(1, "A"), { confirms: 0 }),
    ],
    ["a ballot of what the list lacks", said(list("b", three)), said(ballot("b", ALL))],
    ["a ballot of another payload", said(list("b", other)), said(ballot("b", ALL))],
    ["two proposals of a view", said(proposal(1, "A")), said(proposal(1, "B"))],
    ["notarize of two blocks", vote("notarize", "A"), vote("notarize", "B")],
    ["finalize of two blocks", vote("finalize", "A"), vote("finalize", "B")],
    ["finalize and nullify", vote("finalize", "A"), vote("nullify", null)],
  ])("is %s, in either order", (_, first, second) => {
    expect(areContradictory(first, second)).toBe(true);
    expect(areContradictory(second, first)).toBe(true);
  });

  test.each<readonly [string, Said, Said]>([
    ["notarize and nullify", vote("notarize", "A"), vote("nullify", null)],
    ["notarize of one, finalize of another", vote("notarize", "A"), vote("finalize", "B")],
    ["votes in two views", vote("notarize", "A", 1), vote("notarize", "B", 2)],
    ["finalize and nullify of two views", vote("finalize", "A", 1), vote("nullify", null, 2)],
    ["the same twice", vote("notarize", "A"), vote("notarize", "A")],
    ["one announcement twice", announcement("one"), announcement("one")],
    ["a ballot of less than the list", said(list("b", ALL)), said(ballot("b", three))],
    ["proposals of two views", said(proposal(1, "A")), said(proposal(2, "B"))],
    ["a proposal and a vote", said(proposal(1, "A")), vote("notarize", "B")],
    ["lists of two heights", said(list("b", ALL)), ofAnotherHeight(said(list("b", three)))],
    ["an announcement and a list", announcement("one"), said(list("b", ALL))],
  ])("is not %s: honest members do that (control)", (_, first, second) => {
    expect(areContradictory(first, second)).toBe(false);
    expect(areContradictory(second, first)).toBe(false);
  });
});

/** A node that holds the ballots of all, and proposes once it has mixed; it is the proposer of view 0. */
function proposing(...contradictions: readonly SignedStatement[]): Block {
  const node = new Node("d");
  for (const peer of ["a", "b", "c"]) node.hear({ type: "presence", peer, isThere: true });
  node.start();
  node.told(...contradictions);
  node.told(...ROSTER.map((peer) => ballot(peer, ALL)));
  for (const peer of ROSTER) node.hear({ type: "fetched", payload: `of ${peer}` });
  const asked = node.asked.findLast(({ type }) => type === "compute");
  const cut = asked?.type === "compute" ? asked.cut : [];
  node.hear({ type: "computed", round: 0, outcome: { cut, checkpoint: "after", norm: 4 } });
  const proposed = node.asked.findLast(({ type }) => type === "propose");
  if (proposed?.type !== "propose" || proposed.fresh === null) throw new Error("no proposal");
  return proposed.fresh;
}

const ground = {
  ...{ run: NAME.run, roster: NAME.run, quorum: quorumOf(4), payloadBytes: BYTES },
  ...{ peers: ROSTER, attackersMin: 1 },
  head: { height: 0, parent: NAME.run, checkpoint: "start", norm: 0, decided: UNDECIDED },
};
const membersOf = (peers: readonly string[]) => ({
  ...{ peers, digest: peers.join(), turns: [...peers.keys()] },
});
const genesis = { ...ground.head, members: MEMBERS, levels: [8, 7, 6, 5] };
const certificate = { ...NAME, kind: "certificate", vote: "finalize", view: 0 } as const;
const headOf = (block: Block) => {
  const link = { block, digest: "A", certificate: { ...certificate, block: "A", signatures: [] } };
  return headAfter(genesis, [link], membersOf);
};

describe("a member that contradicts itself", () => {
  test("is named by whoever proposes, is out of the cut, and no member of the next height", () => {
    const block = proposing(list("b", three), list("b", ALL));

    expect(block.evidence.map(({ place }) => place)).toEqual([1]);
    expect(block.cut).toEqual([0, 2, 3]);
    expect(blockFault(block, ground)).toBeNull();
    expect(headOf(block).members.peers).toEqual(["a", "c", "d"]);
    expect(headOf(block).levels).toEqual([8, 7, 6]);
  });

  test("is not named where it says the same twice, and stays (control)", () => {
    const block = proposing(list("b", ALL), list("b", ALL));

    expect(block.evidence).toEqual([]);
    expect(block.cut).toEqual([0, 1, 2, 3]);
    expect(headOf(block).members).toBe(MEMBERS);
  });

  test("is named by votes of the height", () => {
    const votes = ["A", "B"].map((block) =>
      signed("c", { ...NAME, kind: "finalize", view: 0, block }),
    );
    expect(proposing(...votes).evidence.map(({ place }) => place)).toEqual([2]);
  });

  test("is found by two announcements, with what their author signed", () => {
    const testimony = (payload: string) => ({
      ...{ statement: announcement(payload), signature: new Uint8Array() },
    });
    const node = new Node().start();
    node.hear({ ...announced("b"), signed: testimony("of b") });
    node.hear({ ...announced("b", "another"), signed: testimony("another") });

    expect([...node.state.evidence.keys()]).toEqual(["b"]);
  });

  test("stays known when the block that names it is not final", () => {
    const named = proposing(list("b", three), list("b", ALL));
    const node = new Node().start();
    node.told(proposal(0, "A", named));

    expect([...node.state.evidence.keys()]).toEqual(["b"]);
  });
});

describe("a block is wrong", () => {
  const sound = proposing(list("b", three), list("b", ALL));
  const [entry] = sound.evidence;
  if (entry === undefined) throw new Error("a block with evidence");

  test("not with evidence that holds (control)", () => {
    expect(blockFault(sound, ground)).toBeNull();
  });

  test.each<readonly [string, Partial<Block>]>([
    ["that names honest votes", { evidence: [{ ...entry, second: entry.first }] }],
    ["that names a member twice", { evidence: [entry, entry] }],
    ["that names nobody", { evidence: [{ ...entry, place: 4 }] }],
    ["that leaves the named one in the cut", { cut: [0, 1, 2, 3] }],
    ["that puts others out of the cut", { cut: [0, 3] }],
  ])("%s", (_, change) => {
    expect(blockFault({ ...sound, ...change }, ground)).not.toBeNull();
  });

  test("with evidence of another run, or of a height to come", () => {
    const moved = (change: object) => ({
      ...entry,
      first: { ...entry.first, statement: { ...entry.first.statement, ...change } },
      second: { ...entry.second, statement: { ...entry.second.statement, ...change } },
    });
    for (const change of [{ run: "f".repeat(64) }, { height: 1 }]) {
      const evidence = [moved(change)];
      expect(blockFault({ ...sound, evidence }, ground)).toMatch(/evidence/);
    }
  });
});

describe("an author of what is unsound", () => {
  const unsound = (authors: readonly string[]) =>
    authors.map((peer) => {
      const { statement } = ballot(peer, ALL);
      if (statement.kind !== "ballot") throw new Error("a ballot");
      return signed(peer, { ...statement, opinions: statement.opinions.with(1, "non-finite") });
    });
  const rest = (authors: readonly string[]) =>
    ROSTER.filter((peer) => !authors.includes(peer)).map((peer) => ballot(peer, ALL));

  test("is evicted when q - f ballots say so, and not when f do (control)", () => {
    const said = (authors: readonly string[]) => blockOf([...unsound(authors), ...rest(authors)]);

    expect(headOf(said(["c", "d"])).members.peers).toEqual(["a", "c", "d"]);
    expect(headOf(said(["d"])).members).toBe(MEMBERS);
  });
});
