import { encode } from "cborg";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  CLOCK_TOLERANCE_MS,
  MAX_ANNOUNCEMENT_BYTES,
  MAX_LIFETIME_MS,
} from "../../../../src/gossip/announcements/announcement.ts";
import { decodeCanonical, encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  type Announcement,
  digestOf,
  generateIdentity,
  type Identity,
  parseAnnouncement,
  type SignedAnnouncement,
  signAnnouncement,
} from "../../../../src/gossip/index.ts";

const NOW = 1_800_000_000_000;
const MIB = 1024 * 1024;
const bounds = { now: NOW, maxPayloadBytes: MIB };

let author: Identity;
let other: Identity;
let signed: SignedAnnouncement;

function announcement(change: Partial<Announcement> = {}): Announcement {
  return {
    run: digestOf(Buffer.from("run")),
    base: digestOf(Buffer.from("base")),
    author: author.peerId,
    mode: "gossip",
    codec: 0,
    flags: 0,
    reference: digestOf(Buffer.from("reference")),
    round: 3,
    sequence: 7,
    payload: digestOf(Buffer.from("payload")),
    payloadBytes: 1000,
    examples: 512,
    issuedAt: NOW - 1000,
    expiresAt: NOW + 60_000,
    ...change,
  };
}

/** Signs whatever fields, in bounds or not, as only somebody with other code could. */
async function forge(fields: readonly unknown[], key = author.key): Promise<Uint8Array> {
  const body = encode(fields);
  const domain = new TextEncoder().encode("klatch/announcement/2");
  const signature = Uint8Array.from(await key.sign(Buffer.concat([domain, body])));
  return encode([body, signature]);
}

function fieldsOf(bytes: Uint8Array): unknown[] {
  const [body] = decodeCanonical(bytes) as [Uint8Array, Uint8Array];
  return decodeCanonical(body) as unknown[];
}

beforeAll(async () => {
  author = await generateIdentity();
  other = await generateIdentity();
  signed = await signAnnouncement(announcement(), author.key);
});

describe("an announcement", () => {
  it("arrives as it was signed", async () => {
    expect(await parseAnnouncement(signed.bytes, bounds)).toEqual({
      verdict: "accept",
      value: { announcement: announcement(), bytes: signed.bytes },
    });
  });

  it("is a few hundred bytes, whatever its numbers", async () => {
    const large = announcement({
      round: 2 ** 31,
      sequence: 2 ** 48,
      payloadBytes: 2 ** 40,
      examples: 2 ** 48,
    });
    const { bytes } = await signAnnouncement(large, author.key);
    // 3 digests and a key of 34 bytes, 64 + 2 of signature, 7 numbers of at most 9, and the frames around them
    expect(bytes.byteLength).toBeLessThan(300);
  });

  it("has one encoding: the same fields give the same bytes", async () => {
    const again = await signAnnouncement(announcement(), author.key);
    expect(Buffer.compare(again.bytes, signed.bytes)).toBe(0);
  });

  it.each([
    ["a negative round", { round: -1 }],
    ["a round above 2^31", { round: 2 ** 31 + 1 }],
    ["half an example", { examples: 0.5 }],
    ["a digest that is none", { payload: "abc" }],
    ["an upper-case digest", { payload: "A".repeat(64) }],
    ["an expiry before the issue", { expiresAt: NOW - 2000 }],
    ["a life of more than 24 hours", { expiresAt: NOW + MAX_LIFETIME_MS }],
  ])("is not signed with %s", async (_, change) => {
    await expect(signAnnouncement(announcement(change), author.key)).rejects.toThrow(
      /out of bounds/,
    );
  });
});

describe("the door", () => {
  it("refuses what is signed by somebody else than the author it names", async () => {
    const bytes = await forge(fieldsOf(signed.bytes), other.key);
    expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "bad-signature" });
  });

  it("refuses a signature made for another purpose", async () => {
    const [body] = decodeCanonical(signed.bytes) as [Uint8Array];
    const signature = Uint8Array.from(await author.key.sign(body));
    const bytes = encodeCanonical([body, signature]);
    expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "bad-signature" });
  });

  it("refuses more than a kilobyte before it reads any of it", async () => {
    const bytes = new Uint8Array(MAX_ANNOUNCEMENT_BYTES + 1);
    expect(await parseAnnouncement(bytes, bounds)).toEqual({
      verdict: "reject",
      reason: "too-large",
    });
  });

  it("refuses a payload that nobody here would fetch", async () => {
    const { bytes } = await signAnnouncement(announcement({ payloadBytes: MIB + 1 }), author.key);
    expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "too-large" });
  });

  it.each([
    ["an older version", 0, 1],
    ["a later version", 0, 3],
    ["a short digest", 1, new Uint8Array(31)],
    ["an unknown mode", 4, 2],
    ["a codec number beyond a byte", 5, 256],
    ["flags beyond 32 bits", 6, 2 ** 32],
    ["a short reference", 7, new Uint8Array(31)],
    ["a round that is text", 8, "3"],
    ["a negative size", 11, -1],
    ["a size that is no whole number", 11, 1.5],
    ["a number beyond the exact ones", 12, 2n ** 60n],
    ["a life of two days", 14, NOW + 2 * MAX_LIFETIME_MS],
  ])("refuses %s although it is signed", async (_, index, value) => {
    const bytes = await forge(fieldsOf(signed.bytes).with(index, value));
    expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "malformed" });
  });

  it("refuses another encoding of the same fields, so that one statement has one signature", async () => {
    const [body, signature] = decodeCanonical(signed.bytes) as [Uint8Array, Uint8Array];
    // an array header with a one-byte length (0x98 0x02) instead of the short form (0x82)
    const longer = Buffer.concat([Buffer.of(0x98, 0x02), encode(body), encode(signature)]);
    const trailing = Buffer.concat([signed.bytes, Buffer.of(0)]);
    for (const bytes of [longer, trailing]) {
      expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "malformed" });
    }
  });
});

describe("the door, for what is almost right,", () => {
  it("puts up with clocks that differ by ten minutes, and not with more", async () => {
    const { expiresAt, issuedAt } = signed.announcement;
    const at = (now: number) => parseAnnouncement(signed.bytes, { ...bounds, now });
    expect(await at(expiresAt + CLOCK_TOLERANCE_MS)).toMatchObject({ verdict: "accept" });
    expect(await at(issuedAt - CLOCK_TOLERANCE_MS)).toMatchObject({ verdict: "accept" });
    // an honest peer may forward it a moment too late: not its fault
    const expired = { verdict: "ignore", reason: "expired" };
    expect(await at(expiresAt + CLOCK_TOLERANCE_MS + 1)).toEqual(expired);
    expect(await at(issuedAt - CLOCK_TOLERANCE_MS - 1)).toEqual(expired);
  });

  it("refuses every truncation and every flipped bit", async () => {
    for (let length = 0; length < signed.bytes.byteLength; length += 1) {
      const result = await parseAnnouncement(signed.bytes.subarray(0, length), bounds);
      expect(result.verdict).toBe("reject");
    }
    for (let bit = 0; bit < 8 * signed.bytes.byteLength; bit += 1) {
      const flipped = Uint8Array.from(signed.bytes);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const result = await parseAnnouncement(flipped, bounds);
      expect(result.verdict).toBe("reject");
    }
  });

  it("survives ten thousand arbitrary inputs", async () => {
    const anything = fc.uint8Array({ maxLength: 1100 });
    const nested = fc.integer({ min: 1, max: 1024 }).map((n) => new Uint8Array(n).fill(0x81));
    const cbor = fc.jsonValue({ maxDepth: 4 }).map((value) => encode(value));
    const enveloped = fc
      .tuple(anything, fc.uint8Array({ minLength: 64, maxLength: 64 }))
      .map((pair) => encode(pair));
    await fc.assert(
      fc.asyncProperty(fc.oneof(anything, nested, cbor, enveloped), async (input) => {
        expect((await parseAnnouncement(input, bounds)).verdict).toBe("reject");
      }),
      { numRuns: 10_000 },
    );
  });

  it("refuses arbitrary bodies that are signed by a member", async () => {
    const field = fc.oneof(
      fc.integer(),
      fc.string(),
      fc.uint8Array({ maxLength: 40 }),
      fc.double(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(field, { maxLength: 12 }), async (fields) => {
        const result = await parseAnnouncement(await forge(fields), bounds);
        expect(result.verdict).toBe("reject");
      }),
      { numRuns: 1000 },
    );
  });
});
