import { afterEach, describe, expect, it } from "vitest";
import { AnnouncementBook } from "../../../src/consensus/index.ts";
import {
  digestOf,
  generateIdentity,
  type Identity,
  type SignedAnnouncement,
} from "../../../src/gossip/index.ts";
import type { Verdict } from "../../../src/types.ts";
import {
  announcementOf,
  startNode,
  stopNodes,
  subscribed,
  type TestNode,
} from "./network-fixture.ts";

/** Few enough that no limit of rates ends it: each honest node hears fifteen messages of the liar. */
const ROUNDS = 5;
const bytesOf = (text: string) => Buffer.from(text);

afterEach(stopNodes);

type Judge = (signed: SignedAnnouncement) => Verdict<unknown>;

/** A judge as a node has it, with a book of its own; everybody is a member. */
function bookJudge(): Judge {
  const { run } = announcementOf(bytesOf("x"));
  const roster = { isMember: () => true };
  const book = new AnnouncementBook({ run, rounds: 1000, roster });
  return (signed) => book.judge(signed, 0);
}

/** As it was: what contradicts an earlier message of its author is a fault of whoever hands it on. */
function blaming(judge: Judge): Judge {
  return (signed) => {
    const said = judge(signed);
    return said.verdict === "ignore" ? { ...said, verdict: "reject" } : said;
  };
}

/** Three honest nodes, linked with one another. */
async function honestNodes(judgeOf: () => Judge): Promise<readonly TestNode[]> {
  const nodes: TestNode[] = [];
  for (let i = 0; i < 3; i++) {
    const bootstrap = nodes.map(({ address }) => address);
    nodes.push(
      await startNode({ config: { bootstrap, syncIntervalMs: 600_000 }, judge: judgeOf() }),
    );
  }
  for (const node of nodes)
    await subscribed(
      node,
      nodes.filter((other) => other !== node),
    );
  return nodes;
}

/** One member that tells every victim another order of its rounds: what one takes, the others find contradicted. */
async function contradict(liar: Identity, victims: readonly TestNode[]): Promise<void> {
  const mouths = [];
  for (const victim of victims) {
    const config = { bootstrap: [victim.address], peerExchange: false };
    const mouth = await startNode({ config, identity: liar });
    await subscribed(mouth, [victim]);
    mouths.push(mouth);
  }
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(
      mouths.map(({ network }, place) =>
        network.announce(
          announcementOf(bytesOf(`story ${round} ${place}`), {
            round: round + 20 * place,
            sequence: 1000 + round,
          }),
        ),
      ),
    );
  }
}

/** Whether what one honest node announces now reaches the others. */
async function isHeard(
  speaker: TestNode,
  others: readonly TestNode[],
  what: string,
): Promise<void> {
  const payload = digestOf(bytesOf(what));
  await speaker.network.announce(announcementOf(bytesOf(what), { sequence: Date.now() }));
  for (const other of others) {
    const has = () => other.heard.some(({ announcement }) => announcement.payload === payload);
    await other.until(has, `${what} is heard`, 8000);
  }
}

describe("a member that contradicts itself to everyone", () => {
  it("costs no honest link: who passes on what another finds wrong is not at fault", async () => {
    const liar = await generateIdentity();
    const nodes = await honestNodes(bookJudge);

    await contradict(liar, nodes);

    for (const node of nodes) {
      const others = nodes.filter((other) => other !== node);
      await isHeard(node, others, `after ${node.identity.peerId}`);
      const scores = new Map(node.network.peers().map((peer) => [peer.peer, peer.gossipScore]));
      for (const { identity } of others)
        expect(scores.get(identity.peerId)).toBeGreaterThanOrEqual(0);
    }
    const named = nodes
      .flatMap(({ refused }) => refused)
      .filter(({ author }) => author === liar.peerId);
    expect(named.length).toBeGreaterThan(0);
  });

  it("cuts honest links where they are blamed for it (control)", async () => {
    const liar = await generateIdentity();
    const nodes = await honestNodes(() => blaming(bookJudge()));

    await contradict(liar, nodes);

    const isCut = (node: TestNode, other: TestNode) => {
      const seen = node.network.peers().find(({ peer }) => peer === other.identity.peerId);
      return seen === undefined || seen.gossipScore < -80;
    };
    const pairs = nodes.flatMap((a) => nodes.filter((b) => b !== a).map((b) => [a, b] as const));
    const cut = () => pairs.some(([a, b]) => isCut(a, b));
    await expect.poll(cut, { timeout: 30_000 }).toBe(true);
  });
});
