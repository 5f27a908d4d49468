import { describe, expect, test } from "vitest";
import { describeAgreed } from "../../../../src/consensus/index.ts";
import {
  ALL,
  announced,
  ballot,
  blockOf,
  certificate,
  list,
  NAME,
  Node,
  proposal,
  signed,
} from "../../../support/agreed-node.ts";

const OWN = list("a", ALL);
const VOTE = signed("a", { ...NAME, kind: "nullify", view: 0, block: null });

/** A member that has started with this on its disk, and reaches all others, who have all announced and signed lists. */
function restarted(said: Parameters<Node["start"]>[0] = []): Node {
  const node = new Node();
  for (const peer of ["b", "c", "d"]) node.hear({ type: "presence", peer, isThere: true });
  node.hear({ type: "started", said, certificates: [] });
  for (const peer of ["b", "c", "d"]) node.hear(announced(peer));
  return node.told(list("b", ALL), list("c", ALL), list("d", ALL));
}

const answer = (node: Node, peer: string, round = 0): Node =>
  node.hear({ type: "answered", peer, round });

/** What others hear of it. */
const saidBy = (node: Node): readonly string[] =>
  node.asked.flatMap((effect) => {
    if (effect.type === "send") return [effect.statement.kind];
    return effect.type === "announce" || effect.type === "propose" ? [effect.type] : [];
  });

/** The height that is open ends, by the chain of others. */
function close(node: Node): Node {
  const { height, parent } = node.state.head;
  const block = { ...blockOf([]), height, parent };
  const end = { ...certificate("finalize", 0, `block ${height}`), height, parent };
  const links = [{ block, digest: `block ${height}`, certificate: end }];
  return node.hear({ type: "chained", links }).hear({ type: "concluded", round: height, links });
}

describe("a member that starts", () => {
  test("asks those who are there, and whoever comes, what it has said", () => {
    const node = new Node().hear({ type: "presence", peer: "b", isThere: true });
    node.hear({ type: "started", said: [], certificates: [] });
    node.hear({ type: "presence", peer: "c", isThere: true });
    const asked = node.asked.flatMap((each) => (each.type === "exchange" ? [each.asked] : []));
    expect(asked).toEqual([["b"], ["b", "c"]]);

    answer(node, "b");
    node.asked = [];
    node.now = 1000;
    node.hear({ type: "timer", timer: "repeat", round: 0 });
    expect(node.asked).toContainEqual({ type: "exchange", round: 0, asked: ["c"] });
  });

  test("says nothing before a quorum with itself has answered, and then all that it would have said", () => {
    const node = answer(restarted(), "b");
    expect(saidBy(node)).toEqual([]);
    expect(describeAgreed(node.state).silence).toEqual({
      ...{ answers: 1, needed: 2, lack: null, until: null },
    });

    answer(node, "d");
    expect(saidBy(node)).toEqual(["announce", "list"]);
    expect(describeAgreed(node.state).silence).toBeNull();
  });

  test("does not count an answer about another height, a second one, or one of no member", () => {
    const node = answer(answer(answer(answer(restarted(), "b"), "b"), "c", 1), "stranger");
    expect(saidBy(node)).toEqual([]);
    expect(saidBy(answer(node, "c"))).toEqual(["announce", "list"]);
  });

  test("says on what is on its disk, which the others hold as well", () => {
    const node = restarted([OWN, VOTE]);
    node.told(OWN, VOTE).hear(announced("a"));
    answer(answer(node, "b"), "c");
    expect(describeAgreed(node.state).silence).toBeNull();
    expect(saidBy(node)).toEqual(["announce"]);
  });

  test("asks anew in the height that is open when it has caught up", () => {
    const node = close(answer(restarted(), "b"));
    answer(node, "c", 1);
    expect(describeAgreed(node.state).silence?.answers).toBe(1);
    node.hear({ type: "trained", round: 1, payload: "next", payloadBytes: 1000 });
    expect(saidBy(node)).toEqual([]);
    expect(saidBy(answer(node, "d", 1))).toEqual(["announce"]);
  });
});

const BLOCK = blockOf([ballot("a", ALL), ballot("b", ALL), ballot("c", ALL)]);
const withOwn = {
  ...certificate("notarize", 0, "A"),
  signatures: [0, 1, 2].map((place) => ({ place, signature: new Uint8Array() })),
};

describe("a member whose disk lacks something that it has signed", () => {
  test.each<readonly [string, (node: Node) => unknown]>([
    ["a list", (node) => node.told(OWN)],
    ["a ballot", (node) => node.told(ballot("a", ALL))],
    ["a vote", (node) => node.told(VOTE)],
    ["a vote in a certificate", (node) => node.hear({ type: "certificate", certificate: withOwn })],
    ["a ballot in a block", (node) => node.told(proposal(0, "A", BLOCK))],
    ["another announcement", (node) => node.hear(announced("a", "other"))],
    ["a later announcement", (node) => node.hear({ ...announced("a", "later"), round: 1 })],
  ])("says nothing until the next height is final as well: %s", (_, lost) => {
    const node = restarted();
    lost(node);
    answer(answer(node, "b"), "c");
    expect(describeAgreed(node.state).silence?.until).toBe(2);
    expect(saidBy(node)).toEqual([]);

    close(node);
    node.hear({ type: "trained", round: 1, payload: "next", payloadBytes: 1000 });
    expect(saidBy(node)).toEqual([]);

    close(node);
    node.hear({ type: "trained", round: 2, payload: "third", payloadBytes: 1000 });
    expect(saidBy(node)).toEqual(["announce"]);
    expect(describeAgreed(node.state).silence).toBeNull();
  });

  test("counts from the height that a quorum is in, not from that of its disk", () => {
    const node = restarted().told(VOTE);
    answer(answer(close(node), "b", 1), "c", 1);
    expect(describeAgreed(node.state).silence).toMatchObject({
      until: 3,
      lack: { kind: "nullify", height: 0 },
    });
  });

  test("is not one that hears what others say (control)", () => {
    const node = restarted().told(ballot("b", ALL)).hear(announced("b", "other"));
    answer(answer(node, "b"), "c");
    expect(describeAgreed(node.state).silence).toBeNull();
  });
});
