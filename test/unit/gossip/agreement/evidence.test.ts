import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeCanonical, encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  type Block,
  type Contradiction,
  decodeBlock,
  encodeBlock,
  formTrouble,
  MAX_BLOCK_BYTES,
  verifyBlock,
} from "../../../../src/gossip/index.ts";
import { Council } from "../../../support/agreement-samples.ts";

const EVIDENCE = 10;
let council: Council;
let block: Block;
let evidence: readonly Contradiction[];

beforeAll(async () => {
  council = await Council.of(7);
  evidence = [
    await council.twoAnnouncements(0),
    await council.contradiction(1, council.list([0, 1]), council.list([0, 1, 2])),
    await council.contradiction(2, council.ballot(), council.list([0])),
    await council.contradiction(3, council.confirmation(), council.confirmation(2, 0)),
    await council.contradiction(6),
  ];
  block = { ...(await council.block()), evidence };
});

const verdict = (change: readonly Contradiction[]) =>
  verifyBlock({ ...block, evidence: change }, council.roster);

/** The bytes of the block with something else as its evidence. */
function withEvidence(rows: unknown): Uint8Array {
  return encodeCanonical((decodeCanonical(encodeBlock(block)) as unknown[]).with(EVIDENCE, rows));
}

const rowsOf = (bytes: Uint8Array) =>
  (decodeCanonical(bytes) as unknown[])[EVIDENCE] as unknown[][];

describe("evidence in a block", () => {
  test("is the same after it was written and read, and holds", () => {
    expect(decodeBlock(encodeBlock(block))).toEqual(block);
    expect(verdict(evidence)).toMatchObject({ verdict: "accept" });
  });

  test("holds only as its member has signed it", async () => {
    const [announcements, lists, , , votes] = evidence as Contradiction[];
    if (announcements === undefined || lists === undefined || votes === undefined) return;
    const { statement } = votes.second;
    const forged = { statement: { ...statement, height: 2 }, signature: votes.second.signature };
    const table: readonly Contradiction[] = [
      { ...votes, second: forged as Contradiction["second"] },
      { ...votes, place: 5 },
      { ...announcements, place: 1 },
      { ...lists, first: { ...lists.first, signature: lists.second.signature } },
    ];
    for (const each of table) expect(verdict([each])).toMatchObject({ reason: "bad-signature" });
    expect(verdict([votes])).toMatchObject({ verdict: "accept" });
  });

  test("is refused out of order, twice, about nobody, or of another form", () => {
    const rows = rowsOf(encodeBlock(block));
    const [first = [], second = []] = rows;
    const wrong: Readonly<Record<string, unknown>> = {
      "out of order": rows.toReversed(),
      twice: [first, first],
      "about nobody": [first.with(0, 7)],
      "of one thing": [first.slice(0, 2)],
      "of no known kind": [first.with(1, (first[1] as unknown[]).with(0, 5))],
      "of a body that is none": [first.with(1, (first[1] as unknown[]).with(1, new Uint8Array(9)))],
      "of a list of another size": [
        second.with(1, (second[1] as unknown[]).with(4, new Uint8Array(2))),
      ],
      "of a short signature": [first.with(1, (first[1] as unknown[]).with(2, new Uint8Array(63)))],
      "that is no array": 7,
    };
    expect(decodeBlock(withEvidence(rows))).toEqual(block);
    for (const [name, each] of Object.entries(wrong)) {
      expect(decodeBlock(withEvidence(each)), name).toBeNull();
    }
  });

  test("is read or refused whatever it is, and never throws", () => {
    const rows = rowsOf(encodeBlock(block));
    const values = fc.oneof(
      fc.nat(9),
      fc.constant(null),
      fc.uint8Array({ maxLength: 64 }),
      fc.constant([]),
    );
    const at = fc.tuple(fc.nat(4), fc.nat(2), fc.nat(7), values);
    fc.assert(
      fc.property(at, ([row, part, field, value]) => {
        const old = rows[row] as unknown[];
        const inner = old[part];
        const now = Array.isArray(inner) ? inner.with(field % inner.length, value) : value;
        const bytes = withEvidence(rows.with(row, old.with(part, now)));
        const read = decodeBlock(bytes);
        if (read !== null) expect(encodeBlock(read)).toEqual(bytes);
      }),
    );
  });

  test("of a million entries is refused soon, whole ones too", () => {
    const [, , , , votes = []] = rowsOf(encodeBlock(block));
    const started = performance.now();
    expect(decodeBlock(withEvidence(new Array(1_000_000).fill(0)))).toBeNull();
    const fitting = Math.floor((MAX_BLOCK_BYTES - 4000) / encodeCanonical(votes).byteLength);
    const whole = withEvidence(new Array(fitting).fill(votes));
    expect(whole.byteLength).toBeLessThan(MAX_BLOCK_BYTES);
    expect(decodeBlock(whole)).toBeNull();
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

test("a block of an earlier form is refused, and it is said why", () => {
  const bytes = encodeBlock(block);
  const earlier = encodeCanonical((decodeCanonical(bytes) as unknown[]).with(0, 1));
  expect(decodeBlock(earlier)).toBeNull();
  expect(formTrouble(earlier)).toMatch(/form 1, and this klatch reads form 2/);
  expect(formTrouble(bytes)).toBeNull();
  expect(formTrouble(Uint8Array.of(7))).toBeNull();
});
