import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../../src/gossip/index.ts";
import { PayloadBuffer } from "../../../../src/gossip/payloads/payload-buffer.ts";
import {
  type ChunkRequest,
  decodeHeader,
  decodeRequest,
  encodeHeader,
  encodeRequest,
  MAX_CHUNK_BYTES,
  STATUSES,
} from "../../../../src/gossip/payloads/payload-protocol.ts";
import { PayloadStore } from "../../../../src/gossip/payloads/payload-store.ts";

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const PAYLOAD = digestOf(Buffer.from("payload"));

describe("a request for a chunk", () => {
  it("arrives as it was sent", () => {
    const chunks: fc.Arbitrary<ChunkRequest> = fc.record({
      payload: fc.constant(PAYLOAD),
      offset: fc.integer({ min: 0, max: 2 ** 40 }),
      length: fc.integer({ min: 1, max: MAX_CHUNK_BYTES }),
    });
    fc.assert(
      fc.property(chunks, (request) => {
        expect(decodeRequest(encodeRequest(request))).toEqual(request);
      }),
    );
  });

  it.each([
    ["no bytes", 0, 0],
    ["more than a chunk", 0, MAX_CHUNK_BYTES + 1],
    ["bytes beyond every payload", 2 ** 40 + 1, 1],
  ])("for %s is refused", (_, offset, length) => {
    expect(decodeRequest(encodeRequest({ payload: PAYLOAD, offset, length }))).toBeNull();
  });

  it("and an answer survive ten thousand arbitrary inputs", () => {
    const lengths = fc.constantFrom(0, 4, 5, 6, 43, 44, 45);
    const bytes = lengths.chain((n) => fc.uint8Array({ minLength: n, maxLength: n }));
    fc.assert(
      fc.property(bytes, (input) => {
        const request = decodeRequest(input);
        if (request !== null) expect(request.length).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
        const header = decodeHeader(input);
        if (header !== null) expect(header.length).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("the header of an answer", () => {
  it("arrives as it was sent", () => {
    for (const status of STATUSES) {
      const header = { status, length: status === "data" ? 77 : 0 };
      expect(decodeHeader(encodeHeader(header))).toEqual(header);
    }
  });

  it("has data exactly when it says so", () => {
    expect(decodeHeader(encodeHeader({ status: "data", length: 0 }))).toBeNull();
    expect(decodeHeader(encodeHeader({ status: "data", length: MAX_CHUNK_BYTES + 1 }))).toBeNull();
    expect(decodeHeader(encodeHeader({ status: "missing", length: 1 }))).toBeNull();
    expect(decodeHeader(Uint8Array.of(STATUSES.length, 0, 0, 0, 0))).toBeNull();
  });
});

describe("the buffer of a payload", () => {
  it("allocates with what has come, whatever was announced", () => {
    const buffer = new PayloadBuffer(256 * MIB);
    expect(buffer.allocated).toBe(MIB);
    buffer.append(new Uint8Array(MIB));
    expect(buffer.allocated).toBe(MIB);
    buffer.append(new Uint8Array(1));
    expect(buffer.allocated).toBe(2 * MIB);
  });

  it("never allocates more than announced, and gives its bytes only for their digest", () => {
    const bytes = new Uint8Array(1.5 * MIB).map((_, index) => index * 31);
    const fill = () => {
      const buffer = new PayloadBuffer(bytes.byteLength);
      buffer.append(bytes.subarray(0, MIB));
      buffer.append(bytes.subarray(MIB));
      expect(buffer.allocated).toBe(bytes.byteLength);
      return buffer;
    };
    expect(fill().finish(digestOf(bytes))).toEqual(bytes);
    expect(fill().finish(PAYLOAD)).toBeNull();
  });

  it("gives what has come where no more comes than that, and holds on to nothing else", () => {
    const bytes = new Uint8Array(100).map((_, index) => index);
    const buffer = new PayloadBuffer(MIB);
    buffer.append(bytes);
    expect(buffer.complete).toBe(false);
    buffer.end();
    expect(buffer.complete).toBe(true);
    const whole = buffer.finish(digestOf(bytes));
    expect(whole).toEqual(bytes);
    expect(whole?.buffer.byteLength).toBe(100);
  });

  it("of an empty payload is complete at once", () => {
    const buffer = new PayloadBuffer(0);
    expect(buffer.complete).toBe(true);
    expect(buffer.finish(digestOf(new Uint8Array()))).toEqual(new Uint8Array());
  });
});

describe("the payload store", () => {
  it("shows bytes to those only to whom they were opened, until they are open to everybody", () => {
    const store = new PayloadStore(100);
    store.hold(PAYLOAD, new Uint8Array(10));
    store.open(PAYLOAD, ["bert"]);
    const seenBy = (peer: string) => store.look(PAYLOAD, peer);
    expect([seenBy("bert"), seenBy("carl")]).toEqual([new Uint8Array(10), "closed"]);
    store.open(PAYLOAD);
    store.open(PAYLOAD, ["bert"]);
    expect(seenBy("carl")).toEqual(new Uint8Array(10));
  });

  it("shows bytes only after they were opened, and not after they were withdrawn", () => {
    const store = new PayloadStore(100);
    expect(store.look(PAYLOAD, "bert")).toBe("unknown");
    store.open(PAYLOAD);
    expect(store.look(PAYLOAD, "bert")).toBe("unknown");
    store.hold(PAYLOAD, new Uint8Array(10));
    expect(store.look(PAYLOAD, "bert")).toBe("closed");
    store.open(PAYLOAD);
    store.hold(PAYLOAD, new Uint8Array(10));
    expect(store.look(PAYLOAD, "bert")).toEqual(new Uint8Array(10));
    store.withdraw(PAYLOAD);
    store.withdraw(PAYLOAD);
    expect(store.look(PAYLOAD, "bert")).toBe("unknown");
  });

  it("holds no more bytes than configured", () => {
    const store = new PayloadStore(100);
    store.hold("a", new Uint8Array(60));
    expect(() => store.hold("b", new Uint8Array(41))).toThrow(/limit of 100 bytes/);
    store.withdraw("a");
    store.hold("b", new Uint8Array(100));
  });

  it("wakes who waits for a payload, when it is opened, at the time limit, or on a signal", async () => {
    const store = new PayloadStore(100);
    store.hold("a", new Uint8Array(1));
    const opened = store.change("a", 60_000, never);
    store.open("a");
    await opened;
    await store.change("a", 1, never);
    const controller = new AbortController();
    const aborted = store.change("a", 60_000, controller.signal);
    controller.abort();
    await aborted;
    await store.change("a", 60_000, controller.signal);
  });
});
