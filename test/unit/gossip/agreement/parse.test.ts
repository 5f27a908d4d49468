import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  type AgreementMessage,
  MAX_AGREEMENT_BYTES,
  parseAgreement,
  Signatures,
  type Statement,
} from "../../../../src/gossip/index.ts";
import { Council, held, NAME } from "../../../support/agreement-samples.ts";

let council: Council;
/** One message of each kind. */
const good = new Map<string, Uint8Array>();

beforeAll(async () => {
  council = await Council.of(7);
  const statements: readonly Statement[] = [
    council.list(),
    council.ballot(),
    await council.proposal(),
    council.confirmation(),
    council.vote("notarize"),
    council.vote("nullify", 4),
    council.vote("finalize"),
  ];
  for (const statement of statements) {
    const { kind } = statement;
    const name = kind === "proposal" && statement.body === null ? "confirmation" : kind;
    good.set(name, (await council.sign(statement, 2)).bytes);
  }
  for (const kind of ["notarize", "nullify", "finalize"] as const) {
    good.set(`${kind} certificate`, (await council.sealed(council.vote(kind))).bytes);
  }
});

const parse = (bytes: Uint8Array) => parseAgreement(bytes, council.terms);
const signatures = new Signatures();
/** Remembers signatures that hold: for tests that check the same ones again and again. */
const parseAgain = (bytes: Uint8Array) =>
  parseAgreement(bytes, council.terms, { check: signatures.check });
const reasonOf = (bytes: Uint8Array) => {
  const verdict = parse(bytes);
  return verdict.verdict === "accept" ? "accepted" : `${verdict.verdict}: ${verdict.reason}`;
};

describe("a message that a member signed", () => {
  it("is read as it was said", async () => {
    const statements = [
      council.list(),
      council.ballot(),
      await council.proposal(),
      council.confirmation(),
      council.vote("nullify"),
    ];
    for (const statement of statements) {
      const signed = await council.sign(statement, 3);
      expect(parse(signed.bytes)).toEqual({ verdict: "accept", value: signed });
      expect(signed.author).toBe(council.roster[3]);
    }
    const sealed = await council.sealed(council.vote("finalize", 6), [0, 2, 3, 4, 6]);
    expect(parse(sealed.bytes)).toEqual({ verdict: "accept", value: sealed });
  });

  it("is a copy: the network's buffer is not kept", async () => {
    const { bytes } = await council.sign(council.list());
    const buffer = Uint8Array.from(bytes);
    const verdict = parse(buffer);
    buffer.fill(0);
    const value = verdict.verdict === "accept" ? verdict.value : null;
    expect((value as AgreementMessage).bytes).toEqual(bytes);
  });

  it("is read for any roster, held payloads, opinions and views", async () => {
    const councils = await Promise.all([1, 4, 8, 9, 33].map((size) => Council.of(size)));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...councils),
        fc.nat(2 ** 31),
        fc.nat(),
        async (any, view, seed) => {
          const places = [...any.roster.keys()].filter((place) => (seed >> (place % 31)) & 1);
          const ballot = any.ballot(
            any.roster.map((_, place) => (places.includes(place) ? "harmful" : "absent")),
          );
          for (const statement of [any.list(places), ballot, any.vote("notarize", view)]) {
            const signed = await any.sign(statement);
            expect(parseAgreement(signed.bytes, any.terms)).toEqual({
              verdict: "accept",
              value: signed,
            });
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("bytes that are no such message", () => {
  it("are refused, whichever they are", () => {
    const cbor = fc.jsonValue({ maxDepth: 4 }).map((value) => encodeCanonical(value));
    const nested = fc.integer({ min: 1, max: 2048 }).map((n) => new Uint8Array(n).fill(0x81));
    const envelope = fc
      .tuple(
        fc.constantFrom(1, 2),
        fc.nat(6),
        fc.uint8Array(),
        fc.array(fc.oneof(fc.nat(), fc.uint8Array())),
      )
      .map((fields) => encodeCanonical(fields));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), cbor, nested, envelope), (bytes) => {
        expect(reasonOf(bytes)).toBe("reject: malformed");
      }),
      { numRuns: 500 },
    );
  });

  it("are refused when one byte of a message is another", () => {
    for (const [name, bytes] of good) {
      expect(parseAgain(bytes).verdict, name).toBe("accept");
      for (const [index, byte] of bytes.entries()) {
        const flipped = bytes.with(index, byte ^ (1 << (index % 8)));
        expect(parseAgain(flipped).verdict, `byte ${index} of ${name}`).not.toBe("accept");
      }
    }
  });

  it("are refused when a message ends early, or goes on", () => {
    for (const bytes of good.values()) {
      for (let length = 0; length < bytes.byteLength; length += 7) {
        expect(reasonOf(bytes.subarray(0, length))).toBe("reject: malformed");
      }
      expect(reasonOf(Uint8Array.of(...bytes, 0))).toBe("reject: malformed");
    }
  });

  it("are refused for their size alone", () => {
    expect(reasonOf(new Uint8Array(MAX_AGREEMENT_BYTES + 1))).toBe("reject: too-large");
    expect(reasonOf(new Uint8Array(MAX_AGREEMENT_BYTES))).toBe("reject: malformed");
  });
});

describe("signing", () => {
  it("refuses what no peer would take", async () => {
    const wrong: readonly Statement[] = [
      { ...council.list(), run: "no digest" },
      { ...council.list(), held: [held(7)] },
      { ...council.ballot(), opinions: ["neutral"] },
      { ...council.ballot(), held: [] },
      { ...council.vote("nullify"), block: NAME.run },
      { ...council.vote("notarize"), view: -1 },
      council.confirmation(1, 1),
      { ...(await council.proposal()), block: NAME.run },
    ];
    for (const statement of wrong) {
      await expect(council.sign(statement), statement.kind).rejects.toThrow();
    }
  });
});
