import { encode } from "cborg";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  CLOCK_TOLERANCE_MS,
  MAX_ANNOUNCEMENT_BYTES,
  MAX_LIFETIME_MS,
} from "../../../../src/gossip/announcements/announcement.ts";
import { decodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  type Announcement,
  announcementBytes,
  digestOf,
  generateIdentity,
  type Identity,
  parseAnnouncement,
  type SignedAnnouncement,
  signAnnouncement,
} from "../../../../src/gossip/index.ts";

const NOW = 1_800_000_000_000;
const MIB = 1024 * 1024;
const RUN = digestOf(Buffer.from("run"));
const bounds = { run: RUN, now: NOW, maxPayloadBytes: MIB };

let author: Identity;
let other: Identity;
let signed: SignedAnnouncement;

function announcement(change: Partial<Announcement> = {}): Announcement {
  return {
    run: RUN,
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

/** Signs whatever fields behind the run, in bounds or not, as only somebody with other code could. */
async function forge(
  fields: readonly unknown[],
  { key = author.key, version = 2, domain = "klatch/announcement/2", run = RUN } = {},
): Promise<Uint8Array> {
  const body = encode([version, Buffer.from(run, "hex"), ...fields]);
  const signature = await key.sign(Buffer.concat([Buffer.from(domain), body]));
  return encode([Buffer.from(RUN, "hex").subarray(0, 4), ...fields, Uint8Array.from(signature)]);
}

function fieldsOf(bytes: Uint8Array): unknown[] {
  return (decodeCanonical(bytes) as unknown[]).slice(1, -1);
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

  it("is some two hundred bytes, and says so", async () => {
    const { bytes } = await signAnnouncement(announcement({ sequence: NOW - 1000 }), author.key);
    // the name of the run; a key, two digests and a signature of 34 or 66 bytes; 9 numbers, that of the time of 9 bytes
    expect(bytes.byteLength).toBe(197);
    expect(announcementBytes(announcement({ sequence: NOW - 1000 }))).toBe(197);
  });

  it("is a few hundred bytes, whatever its numbers", async () => {
    const large = announcement({
      round: 2 ** 31,
      sequence: 2 ** 48,
      payloadBytes: 2 ** 40,
      examples: 2 ** 48,
    });
    const { bytes } = await signAnnouncement(large, author.key);
    expect(bytes.byteLength).toBeLessThan(240);
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
    const fields = fieldsOf(signed.bytes);
    // control: by its author it is taken
    expect(await parseAnnouncement(await forge(fields), bounds)).toMatchObject({
      verdict: "accept",
    });
    const bytes = await forge(fields, { key: other.key });
    expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "bad-signature" });
  });

  it("tells what is of another run, and refuses what only says that it is of this one", async () => {
    const run = digestOf(Buffer.from("another run"));
    const { bytes } = await signAnnouncement(announcement({ run }), author.key);
    const otherRun = { verdict: "ignore", reason: "other-run" };
    expect(await parseAnnouncement(bytes, bounds)).toEqual(otherRun);
    expect(await parseAnnouncement(signed.bytes, { ...bounds, run: null })).toEqual(otherRun);
    const renamed = await forge(fieldsOf(bytes), { run });
    expect(await parseAnnouncement(renamed, bounds)).toMatchObject({ reason: "bad-signature" });
  });

  it("refuses a signature made for another purpose, or of another version", async () => {
    const fields = fieldsOf(signed.bytes);
    for (const otherwise of [{ domain: "" }, { version: 1 }, { version: 3 }]) {
      const bytes = await forge(fields, otherwise);
      expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "bad-signature" });
    }
  });

  it("refuses what lacks a field", async () => {
    const bytes = await forge(fieldsOf(signed.bytes).slice(1));
    expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "malformed" });
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
    ["a short key", 0, new Uint8Array(31)],
    ["an unknown mode", 1, 2],
    ["a codec number beyond a byte", 2, 256],
    ["flags beyond 32 bits", 3, 2 ** 32],
    ["a short reference", 4, new Uint8Array(31)],
    ["a round that is text", 5, "3"],
    ["a sequence below zero", 6, -NOW],
    ["a sequence above 2^48", 6, 2 ** 48],
    ["a short digest", 7, new Uint8Array(31)],
    ["a negative size", 8, -1],
    ["a size that is no whole number", 8, 1.5],
    ["a number beyond the exact ones", 9, 2n ** 60n],
    ["an expiry before the issue", 11, -1],
    ["no life at all", 11, 0],
    ["a life of two days", 11, 2 * MAX_LIFETIME_MS],
  ])("refuses %s although it is signed", async (_, index, value) => {
    const bytes = await forge(fieldsOf(signed.bytes).with(index, value));
    expect(await parseAnnouncement(bytes, bounds)).toMatchObject({ reason: "malformed" });
  });

  it("refuses another encoding of the same fields, so that one statement has one signature", async () => {
    // an array header with a one-byte length (0x98 0x0e) instead of the short form (0x8e)
    expect(signed.bytes[0]).toBe(0x8e);
    const longer = Buffer.concat([Buffer.of(0x98, 0x0e), signed.bytes.subarray(1)]);
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
      // the bytes after the array and a head of its own are the name of the run
      const isName = bit >= 16 && bit < 48;
      expect(result.verdict).toBe(isName ? "ignore" : "reject");
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
