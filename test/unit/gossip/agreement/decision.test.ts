import { beforeAll, describe, expect, test } from "vitest";
import { decodeCanonical, encodeCanonical } from "../../../../src/gossip/canonical-cbor.ts";
import {
  type Block,
  blockDigest,
  decodeBlock,
  encodeBlock,
  verifyBlock,
} from "../../../../src/gossip/index.ts";
import { Council } from "../../../support/agreement-samples.ts";

let council: Council;
let block: Block;

beforeAll(async () => {
  council = await Council.of(7);
  block = await council.block();
});

describe("a decision in a block", () => {
  const values = { kind: "set", number: 2, rounds: 80, steps: 30, from: 60 } as const;

  test("is the same after it was written and read, and holds", async () => {
    const decision = await council.decision(values);
    const deciding = { ...block, decision };

    expect(decodeBlock(encodeBlock(deciding))).toEqual(deciding);
    expect(blockDigest(deciding)).not.toBe(blockDigest(block));
    expect(verifyBlock(deciding, council.roster)).toMatchObject({ verdict: "accept" });
  });

  test("holds only as members have signed it", async () => {
    const sound = await council.decision(values);
    const changes = [{ number: 3 }, { rounds: 81 }, { steps: 31 }, { from: 61 }];
    const forged = [...changes, { run: "f".repeat(64) }, { roster: "f".repeat(64) }];
    for (const change of forged) {
      const decision = { ...sound, ...change };
      expect(verifyBlock({ ...block, decision }, council.roster)).toMatchObject({
        reason: "bad-signature",
      });
    }
  });

  test("is refused in another form, and a second one", async () => {
    const decision = await council.decision(values);
    const rows = decodeCanonical(encodeBlock({ ...block, decision })) as unknown[];
    const [row = []] = rows[12] as unknown[][];
    const read = (...all: readonly unknown[]) => decodeBlock(encodeCanonical(rows.with(12, all)));

    expect(read(row)?.decision).toEqual(decision);
    expect(read()?.decision).toBeNull();
    expect(read(row, row)).toBeNull();
    const wrong = [
      ...([
        [0, 1],
        [1, -1],
        [2, 0],
        [2, 1_000_001],
        [3, 0],
        [3, 100_001],
        [4, 2 ** 32],
      ] as const),
      ...([
        [5, new Uint8Array(2)],
        [6, new Uint8Array(64)],
      ] as const),
    ];
    for (const [index, value] of wrong) expect(read(row.with(index, value))).toBeNull();
  });
});

describe("a rollback in a block", () => {
  const sample = () =>
    ({ kind: "rollback", number: 1, since: 4, without: council.roster[2] ?? "" }) as const;

  test("is the same after it was written and read, and holds as members have signed it", async () => {
    const decision = await council.decision(sample());
    const deciding = { ...block, decision };

    expect(decodeBlock(encodeBlock(deciding))).toEqual(deciding);
    expect(verifyBlock(deciding, council.roster)).toMatchObject({ verdict: "accept" });
    for (const change of [{ number: 2 }, { since: 5 }, { without: council.roster[3] ?? "" }]) {
      const forged = { ...block, decision: { ...decision, ...change } };
      expect(verifyBlock(forged, council.roster)).toMatchObject({ reason: "bad-signature" });
    }
  });

  test("is refused in another form", async () => {
    const decision = await council.decision(sample());
    const rows = decodeCanonical(encodeBlock({ ...block, decision })) as unknown[];
    const [row = []] = rows[12] as unknown[][];
    const read = (changed: unknown) => decodeBlock(encodeCanonical(rows.with(12, [changed])));

    expect(read(row)?.decision).toEqual(decision);
    for (const [index, value] of [
      [0, 0],
      [0, 2],
      [2, new Uint8Array(31)],
      [3, -1],
    ] as const) {
      expect(read(row.with(index, value))).toBeNull();
    }
    expect(read(row.slice(1))).toBeNull();
  });
});
