import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createNetworkKey, digestOf, generateIdentity } from "../../../src/gossip/index.ts";
import { freePorts } from "../../../testnet/processes/free-ports.ts";
import {
  announcementOf,
  poll,
  startNode,
  stopNodes,
  subscribed,
  type TestNode,
} from "./network-fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "klatch-network-"));
afterEach(async () => {
  await stopNodes();
});
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

describe("twenty nodes that start at the same moment", () => {
  it("are all connected with the one they dial, at the first attempt", async () => {
    const hub = await startNode();
    const config = { bootstrap: [hub.address], peerExchange: false, redialBaseMs: 10 };
    const points = await Promise.all(Array.from({ length: 20 }, () => startNode({ config })));
    await hub.until(() => hub.connected.size === 20, "twenty connections");
    // libp2p's default of five a second from one address lets five of twenty through
    expect(points.flatMap(({ log }) => log)).not.toContain("could not connect");
  });

  it("get in past forty connections that never say a word", async () => {
    const hub = await startNode();
    const port = Number(/tcp\/(\d+)/.exec(hub.address)?.[1]);
    const silent = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const socket = connect(port, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      }),
    );
    // libp2p's default lets ten handshakes be under way
    const config = { bootstrap: [hub.address] };
    const node = await startNode({ config });
    await node.until(() => node.connected.size === 1, "connection");
    expect(node.log).not.toContain("could not connect");
    for (const socket of silent) socket.destroy();
  });

  it("find one another through the one they know", async () => {
    const hub = await startNode();
    const config = { bootstrap: [hub.address], redialBaseMs: 100, syncIntervalMs: 500 };
    const points = await Promise.all(Array.from({ length: 6 }, () => startNode({ config })));
    await Promise.all(points.map((node) => node.until(() => node.connected.size === 6, "all")));
  });
});

describe("a peer that is not there", () => {
  it("is dialled again until it is, and again after it went away", async () => {
    const port = (await freePorts(1))[0];
    const identity = await generateIdentity();
    const listen = [`/ip4/127.0.0.1/tcp/${port}`];
    const bootstrap = [`${listen[0]}/p2p/${identity.peerId}`];
    const config = { bootstrap, redialBaseMs: 20, redialMaxMs: 100 };
    const early = await startNode({ config });
    await early.until(() => early.log.includes("could not connect"), "failed attempt");
    for (let times = 0; times < 2; times += 1) {
      const late = await startNode({ identity, config: { listen } });
      await early.until(() => early.connected.size === 1, "connection");
      await late.network.stop();
      await early.until(() => early.connected.size === 0, "disconnection");
    }
  });

  it("is remembered by those it once dialled itself", async () => {
    const hub = await startNode({ config: { redialBaseMs: 20, redialMaxMs: 100 } });
    const port = (await freePorts(1))[0];
    const identity = await generateIdentity();
    const listen = [`/ip4/127.0.0.1/tcp/${port}`];
    const config = { listen, bootstrap: [hub.address] };
    const first = await startNode({ identity, config });
    await hub.until(() => hub.connected.size === 1, "connection");
    await subscribed(first, [hub]);
    await first.network.stop();
    await hub.until(() => hub.connected.size === 0, "disconnection");
    await startNode({ identity, config: { listen } });
    await hub.until(() => hub.connected.size === 1, "redialled connection");
    expect(hub.network.peers()[0]?.direction).toBe("outbound");
  });

  it("cannot be played by whoever has its address now", async () => {
    const impostor = await startNode();
    const other = await generateIdentity();
    const address = impostor.address.replace(impostor.identity.peerId, other.peerId);
    const node = await startNode({ config: { bootstrap: [address] } });
    await node.until(() => node.log.includes("could not connect"), "failed attempt");
    expect(node.connected.size).toBe(0);
  });
});

describe("a stranger", () => {
  it("is refused by key, and its announcements with it", async () => {
    const member = await generateIdentity();
    const members = [member.peerId];
    const node = await startNode({ config: { members } });
    const stranger = await startNode({ config: { bootstrap: [node.address], redialBaseMs: 20 } });
    await node.until(() => node.refused.length > 0, "refusal");
    expect(node.refused[0]).toEqual({
      from: stranger.identity.peerId,
      verdict: "reject",
      reason: "not-member",
    });
    // on its own side it looks connected for a moment, each time
    const failures = () => [...stranger.network.dialFailures().values()];
    await poll(() => failures().length > 0, "reason on the stranger's side");
    expect(failures()[0]?.reason).toMatch(/closed the connection at once/);
    await startNode({ identity: member, config: { bootstrap: [node.address] } });
    await node.until(() => node.connected.size === 1, "member");
    expect(node.connected).toEqual(new Set(members));
    // knocking again and again is reported once a minute
    expect(node.refused).toHaveLength(1);
  });

  it("is not dialled either", async () => {
    const stranger = await startNode();
    const node = await startNode({ config: { members: [], bootstrap: [stranger.address] } });
    await node.until(() => node.log.includes("could not connect"), "refused dial");
    expect(stranger.connected.size).toBe(0);
  });

  it("without the network key, or with another one, never gets in", async () => {
    const key = join(folder, "key");
    const otherKey = join(folder, "other-key");
    createNetworkKey(key);
    createNetworkKey(otherKey);
    const node = await startNode({ config: { networkKeyFile: key } });
    const bootstrap = [node.address];
    const pace = { redialBaseMs: 20, dialTimeoutMs: 1000 };
    const strangers = await Promise.all([
      startNode({ config: { bootstrap, ...pace } }),
      startNode({ config: { bootstrap, ...pace, networkKeyFile: otherKey } }),
    ]);
    for (const stranger of strangers) {
      await stranger.until(() => stranger.log.includes("could not connect"), "failed attempt");
    }
    expect(node.connected.size).toBe(0);
    const member = await startNode({ config: { bootstrap, networkKeyFile: key } });
    await member.until(() => member.connected.size === 1, "connection");
    await node.network.announce(announcementOf(Buffer.from("private")));
    await member.until(() => member.heard.length === 1, "announcement");
    const payload = new Uint8Array(3_000_000).fill(7);
    const digest = digestOf(payload);
    node.network.hold(digest, payload);
    node.network.open(digest);
    const signal = AbortSignal.timeout(20_000);
    const outcome = await member.network.fetch(
      node.identity.peerId,
      { digest, bytes: payload.byteLength },
      { signal },
    );
    expect(outcome.ok).toBe(true);
  });
});

describe("a banned peer", () => {
  it("is disconnected and does not get in again, while others stay", async () => {
    const node = await startNode();
    const config = { bootstrap: [node.address], redialBaseMs: 20, redialMaxMs: 50 };
    const [bad, good] = (await Promise.all([startNode({ config }), startNode({ config })])) as [
      TestNode,
      TestNode,
    ];
    await node.until(() => node.connected.size === 2, "two peers");
    node.network.ban(bad.identity.peerId);
    await node.until(() => node.connected.size === 1, "disconnection");
    await node.until(() => node.refused.some(({ reason }) => reason === "isolated"), "refusal");
    expect([...node.connected]).toEqual([good.identity.peerId]);
    const outcome = await bad.network.fetch(
      node.identity.peerId,
      { digest: "0".repeat(64), bytes: 1 },
      { signal: AbortSignal.timeout(500) },
    );
    expect(outcome.ok).toBe(false);
  });
});

describe("a node", () => {
  it("names the port that is in use, and what to do", async () => {
    const first = await startNode();
    const port = /tcp\/(\d+)/.exec(first.address)?.[1];
    const starting = startNode({ config: { listen: [`/ip4/127.0.0.1/tcp/${port}`] } });
    await expect(starting).rejects.toMatchObject({
      code: "network",
      message: `Port ${port} is in use by another program.`,
      hint: expect.stringMatching(/network\.listen/),
    });
  });

  it("says so when an address is not its own", async () => {
    // 192.0.2.0/24 is reserved for documentation (RFC 5737)
    const starting = startNode({ config: { listen: ["/ip4/192.0.2.1/tcp/0"] } });
    await expect(starting).rejects.toMatchObject({ code: "network" });
  });
});

describe("a node at work", () => {
  it("counts the bytes on the wire, the same on both ends", async () => {
    const server = await startNode();
    const client = await startNode({ config: { bootstrap: [server.address] } });
    const payload = crypto.getRandomValues(new Uint8Array(60_000));
    const digest = digestOf(payload);
    server.network.hold(digest, payload);
    server.network.open(digest);
    await client.network.fetch(
      server.identity.peerId,
      { digest, bytes: payload.byteLength },
      { signal: AbortSignal.timeout(20_000) },
    );
    await poll(
      () =>
        server.network.traffic().sent === client.network.traffic().received &&
        server.network.traffic().received === client.network.traffic().sent,
      "equal counts",
    );
    // the payload, and a handshake and some gossip beside it
    expect(server.network.traffic().sent).toBeGreaterThan(60_000);
    expect(server.network.traffic().sent).toBeLessThan(80_000);
  });

  it("learns the round trip time of its peers", async () => {
    const server = await startNode();
    const config = { bootstrap: [server.address], pingIntervalMs: 500 };
    const client = await startNode({ config });
    await poll(() => client.network.peers()[0]?.roundTripMs != null, "round trip time");
    expect(client.network.peers()[0]).toMatchObject({
      peer: server.identity.peerId,
      direction: "outbound",
      address: server.address,
    });
  });

  it("leaves nothing behind when it stops, also in the middle of things", async () => {
    const server = await startNode();
    const client = await startNode({ config: { bootstrap: [server.address] } });
    await client.until(() => client.connected.size === 1, "connection");
    const digest = "0".repeat(64);
    const fetching = client.network.fetch(
      server.identity.peerId,
      { digest, bytes: 10 },
      { signal: AbortSignal.timeout(60_000) },
    );
    await Promise.all([client.network.stop(), server.network.stop(), client.network.stop()]);
    expect(await fetching).toMatchObject({ ok: false });
    // timers that are unreferenced run out by themselves; sockets and servers have to be gone
    const sockets = () => process.getActiveResourcesInfo().filter((name) => /^TCP/.test(name));
    await poll(() => sockets().length === 0, "closed sockets");
  });
});
