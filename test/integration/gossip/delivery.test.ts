import { afterEach, describe, expect, it } from "vitest";
import { generateIdentity } from "../../../src/gossip/index.ts";
import {
  announcementOf,
  startNode,
  stopNodes,
  subscribed,
  type TestNode,
} from "./network-fixture.ts";

afterEach(stopNodes);

const UPDATE = Buffer.from("an update");
/** Only gossip delivers: no exchange happens once everybody has met. */
const gossipOnly = { syncIntervalMs: 3_600_000, peerExchange: false } as const;

function authorsHeard(node: TestNode): string[] {
  return node.heard.map(({ announcement }) => announcement.author);
}

/** Sequence number of the last announcement that it heard. */
function last(node: TestNode): number | undefined {
  return node.heard.at(-1)?.announcement.sequence;
}

async function full(count: number): Promise<TestNode[]> {
  const nodes: TestNode[] = [];
  for (let index = 0; index < count; index += 1) {
    const bootstrap = nodes.map(({ address }) => address);
    nodes.push(await startNode({ config: { ...gossipOnly, bootstrap, redialBaseMs: 50 } }));
  }
  await Promise.all(
    nodes.map((node) => node.until(() => node.connected.size === count - 1, "full network")),
  );
  return nodes;
}

describe("an announcement", () => {
  it("reaches everybody along a line of four", async () => {
    const nodes: TestNode[] = [];
    for (let index = 0; index < 4; index += 1) {
      const bootstrap = nodes.slice(-1).map(({ address }) => address);
      nodes.push(await startNode({ config: { ...gossipOnly, bootstrap, redialBaseMs: 50 } }));
    }
    const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode];
    await subscribed(a, [b]);
    await subscribed(b, [a, c]);
    await subscribed(c, [b, d]);
    await subscribed(d, [c]);
    const { signed, recipients } = await a.network.announce(announcementOf(UPDATE));
    expect(recipients).toBe(1);
    await d.until(() => d.heard.length === 1, "announcement at the end");
    expect(d.heard[0]).toEqual(signed);
    expect(d.connected).toEqual(new Set([c.identity.peerId]));
  });

  it("reaches every point of a star, each once", async () => {
    const hub = await startNode({ config: gossipOnly });
    const config = { ...gossipOnly, bootstrap: [hub.address], redialBaseMs: 50 };
    const points = await Promise.all([1, 2, 3, 4].map(() => startNode({ config })));
    await subscribed(hub, points);
    const all = [hub, ...points];
    await Promise.all(all.map((node) => node.network.announce(announcementOf(UPDATE))));
    await Promise.all(all.map((node) => node.until(() => node.heard.length === 4, "four others")));
    for (const node of all) {
      const others = all.filter((other) => other !== node).map(({ identity }) => identity.peerId);
      expect(authorsHeard(node).sort()).toEqual(others.sort());
    }
  });

  it("reaches all of fourteen nodes on one address, whose scores stay good", async () => {
    const nodes = await full(14);
    const [author, ...others] = nodes as [TestNode, ...TestNode[]];
    // subscriptions arrive a moment after connections; a mesh alone has at most twelve members
    let sequence = 0;
    let recipients = 0;
    while (recipients < 13 && sequence < 120) {
      sequence += 1;
      ({ recipients } = await author.network.announce(announcementOf(UPDATE, { sequence })));
      // an author may announce twice a second; more is cut as a flood
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(recipients).toBe(13);
    await Promise.all(others.map((node) => node.until(() => last(node) === sequence, "delivery")));
    // gossipsub's default is -5 * (13 - 10)^2 = -45 for thirteen peers on one address
    for (const node of nodes) {
      for (const peer of node.network.peers()) expect(peer.gossipScore).toBeGreaterThanOrEqual(0);
    }
  });
});

describe("an announcement that somebody missed", () => {
  it("is told to whoever comes after it was gossiped", async () => {
    const author = await startNode({ config: gossipOnly });
    const { signed, recipients } = await author.network.announce(announcementOf(UPDATE));
    expect(recipients).toBe(0);
    expect(author.log).toContain("announced to nobody; who connects later is told");
    const late = await startNode({ config: { ...gossipOnly, bootstrap: [author.address] } });
    await late.until(() => late.heard.length === 1, "announcement from before");
    expect(late.heard[0]).toEqual(signed);
    // and passes it on to one who never meets the author
    await author.network.stop();
    const later = await startNode({ config: { ...gossipOnly, bootstrap: [late.address] } });
    await later.until(() => later.heard.length === 1, "announcement at second hand");
    expect(authorsHeard(later)).toEqual([author.identity.peerId]);
  });

  it("reaches its author again who was restarted", async () => {
    const identity = await generateIdentity();
    const first = await startNode({ config: gossipOnly, identity });
    const { signed } = await first.network.announce(announcementOf(UPDATE));
    const witness = await startNode({ config: { ...gossipOnly, bootstrap: [first.address] } });
    await witness.until(() => witness.heard.length === 1, "announcement");
    await first.network.stop();
    const config = { ...gossipOnly, bootstrap: [witness.address] };
    const second = await startNode({ config, identity });
    await second.until(() => second.heard.length === 1, "own announcement");
    expect(second.heard[0]).toEqual(signed);
  });
});
