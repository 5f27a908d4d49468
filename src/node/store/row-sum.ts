import { createHash } from "node:crypto";

/** The tables of the ledger. */
export const LEDGER_TABLES = ["rounds", "evidence", "said", "chain", "results"] as const;
export type LedgerTable = (typeof LEDGER_TABLES)[number];

/** A row by its columns. */
export type Row = Readonly<Record<string, string | number | bigint | Uint8Array | null>>;

const SUM_BYTES = 16;
/** The database numbers rows itself. */
const NOT_SUMMED = ["id", "sum"];

/**
 * What a row of the ledger holds, in short: a database notices when its pages are damaged, and not when a value in them
 * is another.
 */
export function rowSum(table: LedgerTable, row: Row): Uint8Array {
  const hash = createHash("sha256").update(`${table}\n`);
  for (const name of Object.keys(row).toSorted()) {
    if (NOT_SUMMED.includes(name)) continue;
    const value = row[name] ?? null;
    const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value));
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return Uint8Array.from(hash.digest().subarray(0, SUM_BYTES));
}

/** Whether a row, with all its columns, is as it was written; rows of earlier versions have no sum, and are believed. */
export function isIntact(table: LedgerTable, row: Row): boolean {
  const { sum = null } = row;
  if (sum === null) return true;
  return sum instanceof Uint8Array && Buffer.compare(sum, rowSum(table, row)) === 0;
}
