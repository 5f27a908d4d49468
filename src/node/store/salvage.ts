import { DatabaseSync } from "node:sqlite";
import { isFileOrNothing } from "./file-system.ts";
import { isIntact, LEDGER_TABLES, type LedgerTable, type Row } from "./row-sum.ts";

/**
 * Copies those rows of a damaged ledger whose sums hold into a new one, as far as the damaged one can be read, from both
 * ends of each table.
 *
 * @param isOfDatabase - whether an error is the database's own
 * @returns how many
 */
export function salvage(
  from: string,
  to: DatabaseSync,
  isOfDatabase: (error: unknown) => boolean,
): number {
  if (!isFileOrNothing(from)) return 0;
  const damaged = new DatabaseSync(from);
  let rows = 0;
  try {
    for (const table of LEDGER_TABLES) {
      const copy = copyInto(to, table);
      for (const order of ["ASC", "DESC"]) {
        for (const row of readable(damaged, table, order, isOfDatabase)) {
          const { sum } = row;
          if (sum !== null && isIntact(table, row)) rows += copy(row);
        }
      }
    }
  } finally {
    damaged.close();
  }
  return rows;
}

// --- internal ---

function* readable(
  database: DatabaseSync,
  table: LedgerTable,
  order: string,
  isOfDatabase: (error: unknown) => boolean,
): Generator<Row> {
  try {
    // the first two columns are the key of each table, or begin with it
    const sql = `SELECT * FROM ${table} ORDER BY 1 ${order}, 2 ${order}`;
    yield* database.prepare(sql).iterate() as Iterable<Row>;
  } catch (error) {
    // what comes after this place cannot be read
    if (!isOfDatabase(error)) throw error;
  }
}

/** Copies a row unless it is there; gives how many that were. */
function copyInto(to: DatabaseSync, table: LedgerTable): (row: Row) => number {
  const columns = to.prepare(`PRAGMA table_info(${table})`).all();
  const names = columns.map(({ name }) => String(name));
  const places = names.map(() => "?").join(", ");
  const insert = to.prepare(
    `INSERT OR IGNORE INTO ${table} (${names.join(", ")}) VALUES (${places})`,
  );
  return (row) => Number(insert.run(...names.map((name) => row[name] ?? null)).changes);
}
