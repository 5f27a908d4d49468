import { KlatchError } from "../../src/errors.ts";
import { type Random, shuffled } from "../../src/random.ts";
import type { ColumnMap } from "../../src/training/index.ts";
import { createRandom, dirichlet } from "../random.ts";
import { labelOf } from "./completion.ts";
import type { Row, RowFile } from "./rows.ts";

/** How the rows of a run are dealt to its peers. */
export type Partition =
  | { readonly kind: "by-file" }
  | { readonly kind: "iid" }
  /** Each label's share per peer ~ Dirichlet(alpha) (Hsu et al. 2019, arXiv 1909.06335). */
  | { readonly kind: "dirichlet"; readonly alpha: number }
  | { readonly kind: "by-field"; readonly field: string };

export interface PartitionOptions {
  readonly peers: number;
  readonly seed: number;
  readonly columns: ColumnMap;
}

/** Fewest rows a peer of a Dirichlet split gets, where there are enough: some must be left to hold out. */
export const ROWS_MIN = 10;

/**
 * Deals every row to exactly one peer; the same input gives the same split. Other partitions than `by-file` pool the
 * files first. Throws `data` when there is not enough to deal, `usage` when files and peers do not match.
 */
export function partitionRows(
  files: readonly RowFile[],
  partition: Partition,
  options: PartitionOptions,
): Row[][] {
  if (partition.kind === "by-file") return byFile(files, options.peers);
  const rows = files.flatMap((file) => file.rows);
  if (rows.length < options.peers) {
    throw new KlatchError(
      "data",
      `${rows.length} rows are too few for ${options.peers} peers`,
      "Give more data or fewer --peers.",
    );
  }
  const random = createRandom(options.seed, "partition");
  if (partition.kind === "iid") return deal(shuffled(rows, random), options.peers);
  if (partition.kind === "by-field") return byField(rows, partition.field, options.peers);
  return byLabel(rows, partition.alpha, options, random);
}

function byFile(files: readonly RowFile[], peers: number): Row[][] {
  if (files.length === peers) return files.map((file) => [...file.rows]);
  const few = files.length < peers ? "few" : "many";
  throw new KlatchError(
    "usage",
    `${files.length} data files are too ${few} for ${peers} peers`,
    `Use --peers ${Math.max(2, files.length)}, or pool the files with --partition iid or dirichlet:ALPHA.`,
  );
}

function deal(rows: readonly Row[], peers: number): Row[][] {
  const parts: Row[][] = Array.from({ length: peers }, () => []);
  for (const [index, row] of rows.entries()) parts[index % peers]?.push(row);
  return parts;
}

function groupBy(rows: readonly Row[], keyOf: (row: Row) => string): [string, Row[]][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Names as programs give them: an object's keys may be numbers or names of people. */
function fieldNames(row: Row): string {
  const names = Object.keys(row);
  const shown = names.filter((name) => /^[A-Za-z_]{1,40}\d{0,2}$/.test(name)).slice(0, 20);
  const more = names.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function byField(rows: readonly Row[], field: string, peers: number): Row[][] {
  const groups = groupBy(rows, (row) => {
    if (row[field] !== undefined) return String(row[field]);
    throw new KlatchError(
      "data",
      `a row has no field ${field}`,
      `Its fields are ${fieldNames(row)}.`,
    );
  });
  if (groups.length < peers) {
    throw new KlatchError(
      "data",
      `field ${field} has ${groups.length} values, too few for ${peers} peers`,
      "Use fewer --peers or another partition.",
    );
  }
  // The largest group first, always to the peer with the fewest rows; then peers in the order of their first value.
  const parts = Array.from({ length: peers }, () => ({ first: "", rows: [] as Row[] }));
  for (const [value, group] of groups.toSorted(([, a], [, b]) => b.length - a.length)) {
    const part = parts.reduce((best, other) =>
      other.rows.length < best.rows.length ? other : best,
    );
    if (part.rows.length === 0 || value < part.first) part.first = value;
    part.rows.push(...group);
  }
  return parts.sort((a, b) => (a.first < b.first ? -1 : 1)).map((part) => part.rows);
}

function byLabel(
  rows: readonly Row[],
  alpha: number,
  options: PartitionOptions,
  random: Random,
): Row[][] {
  const parts: Row[][] = Array.from({ length: options.peers }, () => []);
  for (const [, group] of groupBy(rows, (row) => labelOf(row, options.columns))) {
    const mixed = shuffled(group, random);
    const shares = dirichlet(alpha, options.peers, random);
    let end = 0;
    let cumulative = 0;
    for (const [peer, share] of shares.entries()) {
      const start = end;
      cumulative += share;
      end = peer === options.peers - 1 ? mixed.length : Math.round(cumulative * mixed.length);
      parts[peer]?.push(...mixed.slice(start, end));
    }
  }
  return topUp(parts, Math.min(ROWS_MIN, Math.floor(rows.length / options.peers))).map((part) =>
    shuffled(part, random),
  );
}

/** Moves rows from the largest parts to those with fewer than `least`. */
function topUp(parts: Row[][], least: number): Row[][] {
  for (const part of parts) {
    while (part.length < least) {
      const largest = parts.reduce((best, other) => (other.length > best.length ? other : best));
      part.push(largest.pop() as Row);
    }
  }
  return parts;
}

/** Most rows of a test set that is taken from the training rows. */
const SET_ASIDE_MAX = 500;

/**
 * Where no test set is given: takes every tenth row of each peer out of its part for a common test set, at most
 * `SET_ASIDE_MAX` in all.
 */
export function setAside(parts: readonly (readonly Row[])[]): { parts: Row[][]; test: Row[] } {
  const each = Math.max(1, Math.floor(SET_ASIDE_MAX / parts.length));
  const test: Row[] = [];
  const kept = parts.map((part) => {
    const chosen = new Set(part.filter((_, index) => index % 10 === 9).slice(0, each));
    test.push(...chosen);
    return part.filter((row) => !chosen.has(row));
  });
  return { parts: kept, test };
}
