import { encode } from "cborg";
import fc from "fast-check";
import { beforeAll, describe, expect, it, test } from "vitest";
import { decodeCanonical, encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  type Block,
  blockDigest,
  decodeBlock,
  encodeBlock,
  type Identity,
  MAX_BLOCK_BYTES,
  OPINIONS,
  quorumOf,
  verifyBlock,
} from "../../../../src/gossip/index.ts";
import { Council, held } from "../../../support/agreement-samples.ts";

let council: Council;
let block: Block;
let bytes: Uint8Array;

beforeAll(async () => {
  council = await Council.of(7);
  block = await council.block();
  bytes = encodeBlock(block);
});

/** Blocks of any content: what they say need not follow from anything. */
const digests = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("hex"));
const anyBlock: fc.Arbitrary<Block> = fc
  .record({ size: fc.integer({ min: 1, max: 20 }), variants: fc.integer({ min: 1, max: 3 }) })
  .chain(({ size, variants }) => {
    const places = fc
      .uniqueArray(fc.integer({ min: 0, max: size - 1 }), { minLength: 1 })
      .map(sorted);
    const table = fc.array(fc.uniqueArray(digests, { minLength: variants, maxLength: variants }), {
      minLength: size,
      maxLength: size,
    });
    const opinions = fc.array(fc.constantFrom(...OPINIONS), { minLength: size, maxLength: size });
    const ballots = places.chain((all) =>
      fc.tuple(...all.map((place) => fc.tuple(fc.constant(place), opinions, fc.nat(variants - 1)))),
    );
    return fc
      .tuple(table, ballots, places, fc.double({ min: 0, noNaN: true, maxExcluded: true }), digests)
      .map(([payloads, slips, cut, norm, checkpoint]) => {
        const filled = slips.map(([place, thoughts, variant]) => ({
          place,
          opinions: thoughts,
          held: thoughts.flatMap((thought, author) =>
            thought === "absent"
              ? []
              : [{ place: author, payload: payloads[author]?.[variant] ?? "" }],
          ),
          signature: new Uint8Array(64).fill(place),
        }));
        return {
          ...{ run: checkpoint, height: 7, parent: checkpoint, roster: checkpoint, checkpoint },
          payloads: tableOf(filled.flatMap(({ held }) => held)),
          ...{ ballots: filled, cut, norm: Math.abs(norm) },
          ...{ evidence: [], rosterChanges: [], decision: null },
        };
      });
  });

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

function tableOf(held: Block["ballots"][number]["held"]): Block["payloads"] {
  const unique = new Map(held.map((each) => [`${each.place}/${each.payload}`, each]));
  return [...unique.values()]
    .map((each) => ({ ...each, bytes: each.place }))
    .sort((a, b) => a.place - b.place || (a.payload < b.payload ? -1 : 1));
}

describe("a block", () => {
  it("is the same after it was written and read", () => {
    fc.assert(
      fc.property(anyBlock, (any) => {
        expect(decodeBlock(encodeBlock(any))).toEqual(any);
      }),
    );
  });

  it("has one form: another digest is another block", () => {
    expect(blockDigest(block)).toBe(blockDigest(decodeBlock(bytes) as Block));
    expect(blockDigest({ ...block, norm: 0.2 })).not.toBe(blockDigest(block));
  });

  it("takes 8 KB for 50 members, and fits for 1,000", async () => {
    const fifty = await Council.of(50);
    const all = Array.from({ length: 50 }, (_, place) => place);
    expect(encodeBlock(await fifty.block({ places: all })).byteLength).toBeLessThan(8 * 1024);
    const size = 1000;
    const payloads = Array.from({ length: size }, (_, place) => ({ ...held(place), bytes: 1 }));
    const opinions = payloads.map(() => "helpful" as const);
    const ballots = Array.from({ length: quorumOf(size) }, (_, place) => {
      const signature = new Uint8Array(64);
      return { place, opinions, held: payloads.map((_, author) => held(author)), signature };
    });
    const large = encodeBlock({ ...block, payloads, ballots });
    expect(large.byteLength).toBeLessThan(MAX_BLOCK_BYTES);
    expect(decodeBlock(large)?.ballots).toHaveLength(667);
  });

  it("says of an author with several payloads which one each ballot holds", async () => {
    const torn = await council.block({ variants: 3 });
    expect(torn.payloads.filter(({ place }) => place === 0)).toHaveLength(3);
    const read = decodeBlock(encodeBlock(torn));
    expect(read).toEqual(torn);
    expect(new Set(read?.ballots.map(({ held }) => held[0]?.payload)).size).toBe(3);
    expect(verifyBlock(torn, council.roster)).toMatchObject({ verdict: "accept" });
  });
});

/** The bytes of the sample with one of its thirteen fields replaced. */
function withField(index: number, change: (value: unknown) => unknown): Uint8Array {
  const fields = decodeCanonical(bytes) as unknown[];
  return encodeCanonical(fields.with(index, change(fields[index])));
}

const PAYLOADS = 5;
const BALLOTS = 6;
const CUT = 7;
const NORM = 8;
type Rows = unknown[][];

/** A float64 in place of the sample's. */
const norm = (value: number) => () => {
  const field = new Uint8Array(8);
  new DataView(field.buffer).setFloat64(0, value);
  return field;
};

const BAD: Readonly<Record<string, () => Uint8Array>> = {
  "of another version": () => withField(0, () => 1),
  "with evidence": () => withField(10, () => [1]),
  "with a change of the roster that is none": () => withField(11, () => [[]]),
  "with parameters": () => withField(12, () => [{}]),
  "with a norm that is no number": () => withField(NORM, norm(Number.NaN)),
  "with an infinite norm": () => withField(NORM, norm(Number.POSITIVE_INFINITY)),
  "with a negative norm": () => withField(NORM, norm(-1)),
  "with the other zero": () => withField(NORM, norm(-0)),
  "with a norm that is no bytes": () => withField(NORM, () => 1),
  "without a ballot": () => withField(BALLOTS, () => []),
  "with ballots out of order": () => withField(BALLOTS, (rows) => (rows as Rows).toReversed()),
  "with a ballot twice": () => withField(BALLOTS, (rows) => [(rows as Rows)[0], ...(rows as Rows)]),
  "with a ballot of the wrong size": () =>
    withField(BALLOTS, (rows) =>
      (rows as Rows).with(1, ((rows as Rows)[1] as unknown[]).with(1, new Uint8Array(6))),
    ),
  "with a ballot of an unknown opinion": () =>
    withField(BALLOTS, (rows) =>
      (rows as Rows).with(1, ((rows as Rows)[1] as unknown[]).with(1, new Uint8Array(7).fill(8))),
    ),
  "with a ballot of nobody": () =>
    withField(BALLOTS, (rows) =>
      (rows as Rows).with(-1, ((rows as Rows).at(-1) as unknown[]).with(0, 7)),
    ),
  "with a ballot that says which where there is one": () =>
    withField(BALLOTS, (rows) =>
      (rows as Rows).with(0, ((rows as Rows)[0] as unknown[]).with(2, [0])),
    ),
  "with payloads out of order": () => withField(PAYLOADS, (rows) => (rows as Rows).toReversed()),
  "with a payload twice": () =>
    withField(PAYLOADS, (rows) => [(rows as Rows)[0], ...(rows as Rows)]),
  "with a payload that no ballot holds": () =>
    withField(PAYLOADS, (rows) => [...(rows as Rows), [6, new Uint8Array(32), 1]]),
  "without a payload that a ballot holds": () =>
    withField(PAYLOADS, (rows) => (rows as Rows).slice(1)),
  "with a cut beyond the roster": () => withField(CUT, () => Uint8Array.of(0x80)),
  "with a cut of another size": () => withField(CUT, () => new Uint8Array(2)),
  "followed by a byte": () => Uint8Array.of(...bytes, 0),
  "that says its length in more bytes than it takes": () =>
    Uint8Array.of(0x98, 13, ...bytes.slice(1)),
};

describe("a block is refused", () => {
  test("not, when nothing is wrong (control)", () => {
    expect(decodeBlock(withField(0, () => 2))).toEqual(block);
  });

  test.each(Object.entries(BAD))("%s", (_, make) => {
    expect(decodeBlock(make())).toBeNull();
  });

  test("with a million entries of evidence, soon", () => {
    const started = performance.now();
    expect(decodeBlock(withField(10, () => new Array(1_000_000).fill(0)))).toBeNull();
    // and what fits into a block's bytes is not unpacked either
    expect(decodeBlock(withField(10, () => new Array(1_040_000).fill(0)))).toBeNull();
    const flat = encode(new Array(MAX_BLOCK_BYTES - 8).fill(0));
    expect(flat.byteLength).toBeLessThanOrEqual(MAX_BLOCK_BYTES);
    expect(decodeBlock(flat)).toBeNull();
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("as one of this node's own, with an error that says so", () => {
    const wrong: readonly Partial<Block>[] = [
      { norm: Number.NaN },
      { cut: [7] },
      { payloads: block.payloads.slice(1) },
      { payloads: [...block.payloads, { place: 6, payload: "f".repeat(64), bytes: 1 }] },
      { ballots: [] },
      { run: "no digest" },
      { height: -1 },
    ];
    for (const change of wrong) {
      expect(() => encodeBlock({ ...block, ...change })).toThrow(/out of bounds/);
    }
  });
});

describe("changes of the roster in a block", () => {
  const guests = async () =>
    (await Council.of(9)).members.filter(({ peerId }) => !council.roster.includes(peerId));

  test("are the same after they were written and read, and hold", async () => {
    const [guest, next] = (await guests()) as [Identity, Identity];
    const [first, second] = council.roster as [string, string];
    const rosterChanges = [
      await council.change("add", { peer: guest.peerId, fresh: guest }),
      await council.change("remove", { peer: first }),
      await council.change("rotate", { peer: second, fresh: next }),
    ];
    const changing = { ...block, rosterChanges };

    expect(decodeBlock(encodeBlock(changing))).toEqual(changing);
    expect(verifyBlock(changing, council.roster)).toMatchObject({ verdict: "accept" });
  });

  test("hold only as members and the new key have signed them", async () => {
    const [guest, other] = (await guests()) as [Identity, Identity];
    const sound = await council.change("add", { peer: guest.peerId, fresh: guest });
    const unwanted = await council.change("add", { peer: guest.peerId, fresh: other });
    const [one, another, ...rest] = sound.signatures;
    if (one === undefined || another === undefined) return;
    const crossed = [
      { ...one, signature: another.signature },
      { ...another, signature: one.signature },
      ...rest,
    ];
    const forged: readonly Block["rosterChanges"][number][] = [
      unwanted,
      { ...sound, signatures: crossed },
      { ...sound, kind: "remove" },
      { ...sound, peer: other.peerId },
      { ...sound, roster: "f".repeat(64) },
      { ...sound, run: "f".repeat(64) },
    ];
    for (const each of forged) {
      expect(verifyBlock({ ...block, rosterChanges: [each] }, council.roster)).toMatchObject({
        reason: "bad-signature",
      });
    }
    expect(verifyBlock({ ...block, rosterChanges: [sound] }, council.roster)).toMatchObject({
      verdict: "accept",
    });
  });

  test("are refused in another form", async () => {
    const [guest] = (await guests()) as [Identity];
    const change = await council.change("add", { peer: guest.peerId, fresh: guest });
    const rows = decodeCanonical(encodeBlock({ ...block, rosterChanges: [change] })) as unknown[];
    const [row = []] = rows[11] as unknown[][];
    const read = (changed: unknown) => decodeBlock(encodeCanonical(rows.with(11, [changed])));

    expect(read(row)?.rosterChanges).toEqual([change]);
    const wrong = [
      [0, 3],
      [1, new Uint8Array(31)],
      [2, 7],
      [3, new Uint8Array(63)],
      [4, new Uint8Array(2)],
      [5, new Uint8Array(64)],
    ] as const;
    for (const [index, value] of wrong) expect(read(row.with(index, value))).toBeNull();
    expect(decodeBlock(encodeCanonical(rows.with(11, new Array(335).fill(row))))).toBeNull();
  });
});
