import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Partition,
  partitionRows,
  ROWS_MIN,
  setAside,
} from "../../../../testnet/data/partition.ts";
import type { Row } from "../../../../testnet/data/rows.ts";

const fieldOf = (row: Row, name: string) => row[name];

const rowsOf = (count: number, labels: number): Row[] =>
  Array.from({ length: count }, (_, id) => ({
    id,
    prompt: `question ${id}`,
    completion: `answer ${id % labels}`,
    region: `region ${id % 7}`,
  }));

const files = (count: number, labels = 5) => [{ name: "all", rows: rowsOf(count, labels) }];
const ids = (part: readonly Row[]) => part.map((row) => Number(fieldOf(row, "id")));
const options = (peers: number, seed = 1) => ({ peers, seed, columns: {} });

const POOLING: readonly Partition[] = [
  { kind: "iid" },
  { kind: "dirichlet", alpha: 0.1 },
  { kind: "dirichlet", alpha: 1 },
  { kind: "by-field", field: "region" },
];

describe.each(POOLING)("partition $kind $alpha", (partition) => {
  test("deals every row to exactly one peer", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 7, max: 120 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer(),
        (peers, count, labels, seed) => {
          const parts = partitionRows(files(count, labels), partition, options(peers, seed));

          expect(parts).toHaveLength(peers);
          expect(parts.flatMap(ids).sort((a, b) => a - b)).toEqual(
            Array.from({ length: count }, (_, id) => id),
          );
          expect(parts.every((part) => part.length > 0)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("gives the same split for the same seed", () => {
    const first = partitionRows(files(100), partition, options(4, 9));

    expect(partitionRows(files(100), partition, options(4, 9))).toEqual(first);
  });

  test("refuses fewer rows than peers", () => {
    expect(() => partitionRows(files(3), partition, options(4))).toThrow(/too few for 4 peers/);
  });
});

test("iid parts differ in size by at most one", () => {
  const sizes = partitionRows(files(103), { kind: "iid" }, options(4)).map((part) => part.length);

  // 103 = 3 * 26 + 25
  expect(sizes).toEqual([26, 26, 26, 25]);
});

test("another seed gives another split", () => {
  const split = (seed: number) => partitionRows(files(100), { kind: "iid" }, options(4, seed));

  expect(split(1)).not.toEqual(split(2));
});

/** Mean over peers of the largest label's part of a peer's rows. */
const skew = (parts: readonly (readonly Row[])[]) => {
  const largest = parts.map((part) => {
    const counts = new Map<unknown, number>();
    for (const row of part)
      counts.set(fieldOf(row, "completion"), (counts.get(fieldOf(row, "completion")) ?? 0) + 1);
    return Math.max(...counts.values()) / part.length;
  });
  return largest.reduce((sum, value) => sum + value, 0) / largest.length;
};

test("a small alpha gives each peer few labels, a large one gives all the same mixture", () => {
  const split = (alpha: number) =>
    partitionRows(files(2000, 10), { kind: "dirichlet", alpha }, options(10));

  // with 10 equally frequent labels the largest has 1/10 of an even mixture
  expect(skew(split(1000))).toBeLessThan(0.15);
  expect(skew(split(0.05))).toBeGreaterThan(0.5);
});

test("every peer of a Dirichlet split gets a few rows, however skewed", () => {
  for (let seed = 0; seed < 30; seed++) {
    const parts = partitionRows(files(400), { kind: "dirichlet", alpha: 0.01 }, options(10, seed));

    expect(Math.min(...parts.map((part) => part.length))).toBeGreaterThanOrEqual(ROWS_MIN);
  }
});

test("a Dirichlet split goes by the field label before the completion, and by a mapped column", () => {
  const labelled = Array.from({ length: 200 }, (_, id) => ({
    id,
    label: id % 2,
    completion: `all different ${id}`,
    answer: `answer ${id % 2}`,
  }));
  const unlabelled = labelled.map(({ label: _, ...row }) => row);
  const split = (rows: readonly Row[], columns: object) =>
    partitionRows(
      [{ name: "all", rows }],
      { kind: "dirichlet", alpha: 0.02 },
      { peers: 2, seed: 3, columns },
    );

  const byLabel = split(labelled, {});
  const byAnswer = split(unlabelled, { completion: "answer" });

  // both split by the same two values, so that each peer gets nearly one value only, and the same rows
  expect(byLabel.map((part) => ids(part).sort())).toEqual(byAnswer.map((part) => ids(part).sort()));
  const odd = byLabel.map((part) => ids(part).filter((id) => id % 2 === 1).length / part.length);
  expect(Math.max(...odd) - Math.min(...odd)).toBeGreaterThan(0.5);
});

test("a Dirichlet split of plain text says what is missing", () => {
  const text = [{ name: "text", rows: Array.from({ length: 9 }, () => ({ text: "once" })) }];

  expect(() => partitionRows(text, { kind: "dirichlet", alpha: 1 }, options(3))).toThrow(
    /neither a label nor a completion/,
  );
});

test("by-file keeps each file whole, in the order of names, and wants as many files as peers", () => {
  const two = ["a", "b"].map((name) => ({ name, rows: [{ from: name }] }));

  expect(partitionRows(two, { kind: "by-file" }, options(2))).toEqual([
    [{ from: "a" }],
    [{ from: "b" }],
  ]);
  expect(() => partitionRows(two, { kind: "by-file" }, options(3))).toThrow(/too few for 3 peers/);
  expect(() => partitionRows(two, { kind: "by-file" }, options(1))).toThrow(/too many for 1 peers/);
});

test("by:FIELD gives one value to each peer in name order, and balances where there are more values", () => {
  const rows = [..."ccbbbba"].map((bank, id) => ({ id, bank }));
  const split = (peers: number) =>
    partitionRows([{ name: "all", rows }], { kind: "by-field", field: "bank" }, options(peers));

  expect(split(3).map((part) => part.map((row) => fieldOf(row, "bank")).join(""))).toEqual([
    "a",
    "bbbb",
    "cc",
  ]);
  // b (4) to one; c (2) and then a (1) to the other, which comes first by its value a
  expect(split(2).map((part) => part.length)).toEqual([3, 4]);
  expect(() => split(4)).toThrow(/3 values, too few for 4 peers/);
});

test("by:FIELD names a row without the field", () => {
  expect(() => partitionRows(files(20), { kind: "by-field", field: "bank" }, options(2))).toThrow(
    /no field bank/,
  );
});

test("a common test set is taken out of every part, and nothing is in both", () => {
  const parts = partitionRows(files(400), { kind: "iid" }, options(4));

  const { parts: kept, test: aside } = setAside(parts);

  // every tenth of 100 rows, four times
  expect(aside).toHaveLength(40);
  expect([...kept.flatMap(ids), ...ids(aside)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 400 }, (_, id) => id),
  );
});

test("a row without the field of the split is not repeated, its fields are", () => {
  const row = { text: "the patient is Ann", "Ann 1980": "secret" };
  const read = () =>
    partitionRows(
      [{ name: "a", rows: [row, row] }],
      { kind: "by-field", field: "ward" },
      options(2),
    );

  expect(read).toThrow("a row has no field ward");
  expect(read).toThrow(expect.objectContaining({ hint: "Its fields are text and 1 more." }));
  expect(read).not.toThrow(/Ann|secret/);
});
