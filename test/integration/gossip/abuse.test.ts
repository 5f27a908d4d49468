import type { Stream } from "@libp2p/interface";
import { byteStream, lpStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, describe, expect, it } from "vitest";
import { AnnouncementDoor } from "../../../src/gossip/announcements/announcement-door.ts";
import { EXCHANGE_PROTOCOL } from "../../../src/gossip/announcements/announcement-exchange.ts";
import { Membership } from "../../../src/gossip/connections/membership.ts";
import { digestOf } from "../../../src/gossip/index.ts";
import { silentLog } from "../../../src/gossip/log.ts";
import {
  encodeHeader,
  encodeRequest,
  HEADER_BYTES,
  PAYLOAD_PROTOCOL,
} from "../../../src/gossip/payloads/payload-protocol.ts";
import { PayloadServer } from "../../../src/gossip/payloads/payload-server.ts";
import { PayloadStore } from "../../../src/gossip/payloads/payload-store.ts";
import { ANNOUNCEMENTS } from "../../../src/gossip/topics/gossip-options.ts";
import { GossipTopic } from "../../../src/gossip/topics/gossip-topic.ts";
import { startRawPeer, stopRawPeers } from "../../support/raw-peer.ts";
import { announcementOf, poll, startNode, stopNodes, subscribed } from "./network-fixture.ts";

afterEach(async () => {
  await stopNodes();
  await stopRawPeers();
});

const MIB = 1024 * 1024;
const signal = () => AbortSignal.timeout(20_000);

/** Lets everything that is ready run, many times over. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function serverOf(store: PayloadStore, maxServes: number): PayloadServer {
  return new PayloadServer(store, {
    maxServes,
    maxServesPerPeer: 4,
    transferTurnMs: Number.POSITIVE_INFINITY,
    openWaitMs: 0,
    unknownWaitMs: 0,
    stallMs: 20_000,
    log: silentLog,
    onMalformed: () => undefined,
  });
}

describe("a reader that asks for much and reads nothing", () => {
  it("makes us hold one chunk, not all that it asked for", async () => {
    const payload = crypto.getRandomValues(new Uint8Array(65_536));
    const large = Buffer.concat(Array.from({ length: 16 }, () => payload));
    const digest = digestOf(large);
    const store = new PayloadStore(2 * MIB);
    store.hold(digest, large);
    store.open(digest);
    const server = serverOf(store, 4);
    const [serving, reading] = [await startRawPeer(), await startRawPeer()];
    const { promise: accepted, resolve: accept } = Promise.withResolvers<Stream>();
    await serving.handle(PAYLOAD_PROTOCOL, (stream, connection) => {
      accept(stream);
      return server.handle(stream, connection);
    });
    const stream = await reading.dialProtocol(serving.getMultiaddrs(), PAYLOAD_PROTOCOL);
    stream.pause();
    const request = encodeRequest({ payload: digest, offset: 0, length: MIB });
    const asked = 64;
    for (let count = 0; count < asked; count += 1) stream.send(request);
    const served = await accepted;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, served.writeBufferLength);
    }, 0);
    await poll(() => served.writeBufferLength > 0, "full buffer");
    await turns(500);
    stream.resume();
    const wire = byteStream(stream, { maxBufferSize: 128 * MIB });
    for (let count = 0; count < asked; count += 1) {
      await wire.read({ bytes: HEADER_BYTES + MIB, signal: signal() });
    }
    clearInterval(watch);
    // more than nothing, so that the measure is one; never more than the chunk under way
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(MIB);
  });
});

describe("a requester that is told to come again, and sends on", () => {
  const busy = [...encodeHeader({ status: "busy", length: 0 })];

  /** Sends two megabytes to whoever handles the stream so; the first it is told, and the handler's end of the stream. */
  async function sendTo(handle: (stream: Stream) => Promise<void>) {
    const [serving, sending] = [await startRawPeer(), await startRawPeer()];
    const { promise: accepted, resolve: accept } = Promise.withResolvers<Stream>();
    await serving.handle(PAYLOAD_PROTOCOL, (stream) => {
      accept(stream);
      return handle(stream);
    });
    const stream = await sending.dialProtocol(serving.getMultiaddrs(), PAYLOAD_PROTOCOL);
    const said = byteStream(stream).read({ bytes: HEADER_BYTES, signal: signal() });
    stream.send(new Uint8Array(2 * MIB));
    return { stream, said: [...(await said).subarray()], served: await accepted };
  }

  it("hears so, and both halves of its stream are closed", async () => {
    const server = serverOf(new PayloadStore(MIB), 0);
    const connection = { remotePeer: { toString: () => "peer" } } as never;
    const { stream, said, served } = await sendTo((each) => server.handle(each, connection));
    expect(said).toEqual(busy);
    await poll(() => served.status !== "open" && stream.status !== "open", "end of the stream");
    expect(served.readBufferLength).toBe(0);
  });

  it("would fill a half that stays open", async () => {
    let kept = () => 0;
    const { said, served } = await sendTo(async (each) => {
      const wire = byteStream(each);
      const { readBuffer } = wire as unknown as { readBuffer: Uint8Array };
      kept = () => readBuffer.byteLength;
      await wire.write(Uint8Array.from(busy));
      await each.close();
    });
    expect(said).toEqual(busy);
    await poll(() => kept() === 2 * MIB, "two megabytes");
    expect(served.status).toBe("open");
  });
});

describe("a peer that floods", () => {
  it("gossip with nonsense is disconnected, and others are still heard", async () => {
    const node = await startNode();
    const good = await startNode({ config: { bootstrap: [node.address] } });
    await subscribed(node, [good]);
    const flooder = await startRawPeer();
    flooder.services.pubsub.subscribe(ANNOUNCEMENTS.name);
    await flooder.dial(multiaddr(node.address));
    const { pubsub } = flooder.services;
    await poll(() => pubsub.getSubscribers(ANNOUNCEMENTS.name).length > 0, "subscription");
    const id = flooder.peerId.toString();
    for (let count = 0; count < 300; count += 1) {
      await pubsub.publish(ANNOUNCEMENTS.name, crypto.getRandomValues(new Uint8Array(64)));
    }
    await node.until(() => !node.connected.has(id), "disconnection");
    expect(node.heard).toEqual([]);
    expect(node.refused.length).toBeLessThan(100);
    expect(node.refused[0]).toEqual({ from: id, verdict: "reject", reason: "malformed" });
    await good.network.announce(announcementOf(Buffer.from("update")));
    await node.until(() => node.heard.length === 1, "announcement");
  });

  it("streams gets four transfers at a time, and others are still served", async () => {
    const node = await startNode({ config: { unknownWaitMs: 600_000, maxServesPerPeer: 4 } });
    const good = await startNode({ config: { bootstrap: [node.address] } });
    const flooder = await startRawPeer();
    const connection = await flooder.dial(multiaddr(node.address));
    const request = encodeRequest({ payload: "0".repeat(64), offset: 0, length: MIB });
    const streams: Stream[] = [];
    for (let count = 0; count < 30; count += 1) {
      streams.push(await connection.newStream(PAYLOAD_PROTOCOL, { maxOutboundStreams: 60 }));
    }
    const answers = await Promise.allSettled(
      streams.map(async (stream) => {
        const wire = byteStream(stream);
        await wire.write(request);
        return (await wire.read({ bytes: HEADER_BYTES, signal: signal() })).subarray()[0];
      }),
    );
    const said = answers.map((answer) => (answer.status === "fulfilled" ? answer.value : "reset"));
    const WAIT = 1;
    expect(said.filter((status) => status === WAIT)).toHaveLength(4);
    const payload = Buffer.from("payload");
    node.network.hold(digestOf(payload), payload);
    node.network.open(digestOf(payload));
    const outcome = await good.network.fetch(
      node.identity.peerId,
      { digest: digestOf(payload), bytes: payload.byteLength },
      { signal: signal() },
    );
    expect(outcome.ok).toBe(true);
  });
});

describe("a peer that sends nonsense", () => {
  it("for requests is refused for a while", async () => {
    const node = await startNode();
    const flooder = await startRawPeer();
    const connection = await flooder.dial(multiaddr(node.address));
    const id = flooder.peerId.toString();
    await node.until(() => node.connected.has(id), "connection");
    while (connection.status === "open" && node.connected.has(id)) {
      const sent = await Promise.allSettled([
        connection.newStream(PAYLOAD_PROTOCOL).then((stream) => {
          stream.send(new Uint8Array(44).fill(0xff));
          return stream.close();
        }),
      ]);
      if (sent[0].status === "rejected") await turns(10);
    }
    await node.until(() => !node.connected.has(id), "disconnection");
    expect(node.refused.every(({ reason }) => reason === "malformed")).toBe(true);
    expect(node.refused.length).toBeGreaterThanOrEqual(20);
    await expect(flooder.dialProtocol(multiaddr(node.address), PAYLOAD_PROTOCOL)).rejects.toThrow();
  });

  it("for exchanges is heard eight times, then one a second", async () => {
    const node = await startNode();
    const flooder = await startRawPeer();
    const connection = await flooder.dial(multiaddr(node.address));
    for (let count = 0; count < 30; count += 1) {
      const stream = await connection.newStream(EXCHANGE_PROTOCOL);
      await Promise.allSettled([lpStream(stream).write(Uint8Array.of(0xff))]);
      await poll(() => stream.status !== "open", "reset stream");
    }
    const heard = node.refused.filter(({ reason }) => reason === "malformed").length;
    expect(heard).toBeGreaterThanOrEqual(8);
    expect(heard).toBeLessThan(20);
  });
});

describe("an announcement that a member signs for a payload above the limit", () => {
  it("is refused at the door, and its reason reported", async () => {
    const node = await startNode({ config: { maxPayloadBytes: 1024 } });
    const bragger = await startNode({ config: { bootstrap: [node.address] } });
    await subscribed(bragger, [node]);
    await bragger.network.announce(announcementOf(Buffer.from("x"), { payloadBytes: 4096 }));
    await node.until(() => node.refused.length > 0, "refusal");
    expect(node.refused[0]).toMatchObject({ reason: "too-large", verdict: "ignore" });
    expect(node.heard).toEqual([]);
  });
});

describe("a peer of another run", () => {
  it("is told apart by the judge, whose reason is reported", async () => {
    const node = await startNode({
      judge: ({ announcement }) =>
        announcement.run === digestOf(Buffer.from("run")) ? null : "other-run",
    });
    const other = await startNode({ config: { bootstrap: [node.address] } });
    await subscribed(other, [node]);
    const run = digestOf(Buffer.from("another run"));
    await other.network.announce(announcementOf(Buffer.from("x"), { run }));
    await node.until(() => node.refused.length > 0, "refusal");
    expect(node.refused[0]).toMatchObject({ from: other.identity.peerId, reason: "other-run" });
  });
});

describe("more than a kilobyte", () => {
  it("is not published at all, since libp2p would drop megabytes without a word", async () => {
    const peer = await startRawPeer();
    const door = new AnnouncementDoor({
      membership: new Membership("anyone", Date.now),
      maxPayloadBytes: MIB,
      now: Date.now,
      judge: () => ({ verdict: "accept", value: undefined }),
      onRefused: () => undefined,
      onFlood: () => undefined,
    });
    const topic = new GossipTopic(peer.services.pubsub, ANNOUNCEMENTS, door.admit.bind(door));
    topic.subscribe();
    expect(await topic.publish(new Uint8Array(1024))).toEqual([]);
    await expect(topic.publish(new Uint8Array(1025))).rejects.toThrow(/1025 bytes is too large/);
    await expect(topic.publish(new Uint8Array(5 * MIB))).rejects.toThrow(/too large/);
  });
});

describe("a node's protocols", () => {
  it("are gossipsub and its own, without floodsub to fall back to", async () => {
    const node = await startNode();
    const peer = await startRawPeer();
    const identified = new Promise<string[]>((resolve) =>
      peer.addEventListener("peer:identify", ({ detail }) => resolve(detail.protocols)),
    );
    await peer.dial(multiaddr(node.address));
    const protocols = await identified;
    expect(protocols).toContain(PAYLOAD_PROTOCOL);
    expect(protocols).toContain(EXCHANGE_PROTOCOL);
    expect(protocols.some((name) => name.startsWith("/meshsub/"))).toBe(true);
    expect(protocols.some((name) => /floodsub|kad/.test(name))).toBe(false);
  });
});
