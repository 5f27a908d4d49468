import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/gossip/index.ts";
import { encodeHeader } from "../../../src/gossip/payloads/payload-protocol.ts";
import { addressOf, stopRawPeers } from "../../support/raw-peer.ts";
import { type Answer, serveHonestly, startServer } from "./misbehaving-peer.ts";
import { type NodeChoices, startNode, stopNodes, type TestNode } from "./network-fixture.ts";

afterEach(async () => {
  await stopNodes();
  await stopRawPeers();
});

const KIB = 1024;
const DEADLINE_MS = 20_000;

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65_536)));
  }
  return bytes;
}

const PAYLOAD = randomBytes(300 * KIB);
const DIGEST = digestOf(PAYLOAD);
const announced = { digest: DIGEST, bytes: PAYLOAD.byteLength };
const signal = () => AbortSignal.timeout(DEADLINE_MS);

/** A node that fetches 64 KiB at a time from a server that answers as given. */
async function fetchFrom(answer: Answer, config: NonNullable<NodeChoices["config"]> = {}) {
  const server = await startServer(answer);
  const node = await startNode({
    config: { bootstrap: [addressOf(server)], chunkBytes: 64 * KIB, fetchAttempts: 2, ...config },
  });
  const outcome = await node.network.fetch(server.peerId.toString(), announced, {
    signal: signal(),
  });
  return { outcome, server, node };
}

async function pair(config: NodeChoices["config"] = {}): Promise<[TestNode, TestNode]> {
  const server = await startNode({ config });
  const client = await startNode({ config: { ...config, bootstrap: [server.address] } });
  return [server, client];
}

describe("a payload", () => {
  it("is fetched in chunks, from an author and from anybody else who has it", async () => {
    const [author, second] = await pair({ chunkBytes: 64 * KIB });
    author.network.hold(DIGEST, PAYLOAD);
    author.network.open(DIGEST);
    const first = await second.network.fetch(author.identity.peerId, announced, {
      signal: signal(),
    });
    expect(first).toEqual({ ok: true, bytes: PAYLOAD });
    second.network.hold(DIGEST, PAYLOAD);
    second.network.open(DIGEST);
    await author.network.stop();
    const third = await startNode({ config: { bootstrap: [second.address] } });
    const again = await third.network.fetch(second.identity.peerId, announced, {
      signal: signal(),
    });
    expect(again.ok).toBe(true);
  });

  it("of which only the most is known ends where it ends, within a chunk or with one", async () => {
    const [author, other] = await pair({ chunkBytes: 64 * KIB });
    for (const length of [10, 64 * KIB, 128 * KIB, 130 * KIB]) {
      const bytes = PAYLOAD.slice(0, length);
      const digest = digestOf(bytes);
      author.network.hold(digest, bytes);
      author.network.open(digest);
      const fetch = (isMost: boolean) =>
        other.network.fetch(
          author.identity.peerId,
          { digest, bytes: PAYLOAD.length, isMost },
          { signal: signal() },
        );
      expect(await fetch(true)).toEqual({ ok: true, bytes });
      // control
      expect(await fetch(false)).toMatchObject({ ok: false, failure: "malformed" });
    }
  });

  it("is kept back until it is opened", async () => {
    const [author, other] = await pair();
    author.network.hold(DIGEST, PAYLOAD);
    let done = false;
    const fetched = other.network
      .fetch(author.identity.peerId, announced, { signal: signal() })
      .finally(() => {
        done = true;
      });
    await other.until(() => other.connected.size === 1, "connection");
    const small = randomBytes(10);
    author.network.hold(digestOf(small), small);
    author.network.open(digestOf(small));
    const control = { digest: digestOf(small), bytes: 10 };
    const opened = await other.network.fetch(author.identity.peerId, control, { signal: signal() });
    expect(opened.ok).toBe(true);
    expect(done).toBe(false);
    author.network.open(DIGEST);
    expect((await fetched).ok).toBe(true);
  });

  it("is missing when it is not opened in time, not held, or withdrawn", async () => {
    const [author, other] = await pair({ openWaitMs: 100, unknownWaitMs: 50 });
    const fetch = () =>
      other.network.fetch(author.identity.peerId, announced, { signal: signal() });
    expect(await fetch()).toMatchObject({ ok: false, failure: "missing" });
    author.network.hold(DIGEST, PAYLOAD);
    expect(await fetch()).toMatchObject({ ok: false, failure: "missing" });
    author.network.open(DIGEST);
    expect((await fetch()).ok).toBe(true);
    author.network.withdraw(DIGEST);
    expect(await fetch()).toMatchObject({ ok: false, failure: "missing" });
  });

  it("is not even asked for above the limit", async () => {
    const [author, other] = await pair({ maxPayloadBytes: 1024 });
    const outcome = await other.network.fetch(author.identity.peerId, announced, {
      signal: signal(),
    });
    expect(outcome).toMatchObject({ ok: false, failure: "too-large" });
  });

  it("is unreachable where nobody answers", async () => {
    const [author, other] = await pair({ fetchAttempts: 2, redialBaseMs: 50 });
    await other.until(() => other.connected.size === 1, "connection");
    await author.network.stop();
    const outcome = await other.network.fetch(author.identity.peerId, announced, {
      signal: signal(),
    });
    expect(outcome).toMatchObject({ ok: false, failure: "unreachable" });
  });
});

describe("a broken stream", () => {
  it("is resumed where it broke", async () => {
    const { outcome, server } = await fetchFrom(async (wire, request, stream, count) => {
      // dies at every other request
      if (count % 2 === 1) stream.abort(new Error("killed"));
      else await serveHonestly(wire, PAYLOAD, request);
    });
    expect(outcome).toEqual({ ok: true, bytes: PAYLOAD });
    const offsets = server.requests.map(({ offset }) => offset / KIB);
    // 300 KiB in chunks of 64: nothing that had arrived is asked for again
    expect(offsets).toEqual([0, 64, 64, 128, 128, 192, 192, 256, 256].slice(0, offsets.length));
    expect(offsets.at(-1)).toBe(256);
  });

  it("in the middle of a chunk keeps what came", async () => {
    let broken = false;
    const { outcome, server } = await fetchFrom(async (wire, request, stream) => {
      if (broken || request.offset === 0) return serveHonestly(wire, PAYLOAD, request);
      broken = true;
      await wire.write(encodeHeader({ status: "data", length: request.length }));
      await wire.write(PAYLOAD.subarray(request.offset, request.offset + 1000));
      await stream.close();
    });
    expect(outcome).toEqual({ ok: true, bytes: PAYLOAD });
    expect(server.requests[2]?.offset).toBe(64 * KIB + 1000);
  });

  it("is given up after so many attempts that brought nothing", async () => {
    const { outcome, server } = await fetchFrom(
      async (_wire, _request, stream) => stream.abort(new Error("killed")),
      { fetchAttempts: 3 },
    );
    expect(outcome).toMatchObject({ ok: false, failure: "unreachable" });
    expect(server.requests).toHaveLength(3);
  });
});

describe("a peer that sends", () => {
  it("other bytes is found out by the digest", async () => {
    const flipped = Uint8Array.from(PAYLOAD);
    flipped[123_456] = (flipped[123_456] ?? 0) ^ 1;
    const { outcome } = await fetchFrom((wire, request) => serveHonestly(wire, flipped, request));
    expect(outcome).toMatchObject({ ok: false, failure: "digest-mismatch" });
  });

  it("less than it announced is malformed", async () => {
    const short = PAYLOAD.subarray(0, 200 * KIB);
    const { outcome } = await fetchFrom((wire, request) => serveHonestly(wire, short, request));
    expect(outcome).toMatchObject({ ok: false, failure: "malformed" });
  });

  it("a longer chunk than was asked for is too large, and is not read", async () => {
    const { outcome } = await fetchFrom((wire, request) =>
      serveHonestly(wire, PAYLOAD, { ...request, length: request.length + 1 }),
    );
    expect(outcome).toMatchObject({ ok: false, failure: "too-large" });
  });

  it("more than it said is malformed", async () => {
    const { outcome } = await fetchFrom(async (wire, request) => {
      await wire.write(encodeHeader({ status: "data", length: request.length }));
      await wire.write(PAYLOAD);
    });
    expect(outcome).toMatchObject({ ok: false, failure: "malformed" });
  });

  it("garbage is malformed", async () => {
    const { outcome } = await fetchFrom((wire) => wire.write(Buffer.alloc(5, 0xff)));
    expect(outcome).toMatchObject({ ok: false, failure: "malformed" });
  });

  it("nothing at all times out without waiting for the caller's deadline", async () => {
    const { outcome } = await fetchFrom(async () => undefined, { stallMs: 100, fetchAttempts: 1 });
    expect(outcome).toMatchObject({
      ok: false,
      failure: "timeout",
      detail: expect.stringMatching(/too little came/),
    });
  });

  it("one byte now and then times out as well", async () => {
    const { outcome } = await fetchFrom(
      async (wire, request, stream) => {
        await wire.write(encodeHeader({ status: "data", length: request.length }));
        const drip = setInterval(() => {
          if (stream.status === "open") stream.send(Uint8Array.of(1));
        }, 10);
        stream.addEventListener("close", () => clearInterval(drip));
      },
      { stallMs: 200, fetchAttempts: 1 },
    );
    expect(outcome).toMatchObject({
      ok: false,
      failure: "timeout",
      detail: expect.stringMatching(/too little came/),
    });
  });

  it("`wait` for ever is given up as missing", async () => {
    const { outcome } = await fetchFrom(
      async (wire, _request, stream) => {
        while (stream.status === "open") {
          await wire.write(encodeHeader({ status: "wait", length: 0 }));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
      { openWaitMs: 50 },
    );
    expect(outcome).toMatchObject({ ok: false, failure: "missing" });
  });

  it("its answers too late meets the caller's deadline", async () => {
    const server = await startServer(async () => undefined);
    const node = await startNode({ config: { bootstrap: [addressOf(server)] } });
    const outcome = await node.network.fetch(server.peerId.toString(), announced, {
      signal: AbortSignal.timeout(300),
    });
    expect(outcome).toMatchObject({ ok: false, failure: "timeout" });
  });
});
