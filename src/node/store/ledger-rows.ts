import type { DatabaseSync } from "node:sqlite";
import { guarded } from "./ledger-database.ts";
import { isIntact, type LedgerTable, type Row, rowSum } from "./row-sum.ts";

/** The rows of the ledger's tables: they go in with their sums, and come out where those hold. */
export class LedgerRows {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #warn: (sentence: string) => void;
  #hasWarned = false;

  constructor(path: string, database: DatabaseSync, warn: (sentence: string) => void) {
    this.#path = path;
    this.#database = database;
    this.#warn = warn;
  }

  /** Adds a row, in the place of one with its key. */
  put(table: LedgerTable, row: Row): void {
    const whole = { ...row, sum: rowSum(table, row) };
    const names = Object.keys(whole);
    const places = names.map(() => "?").join(", ");
    const sql = `INSERT OR REPLACE INTO ${table} (${names.join(", ")}) VALUES (${places})`;
    this.run(sql, ...Object.values(whole));
  }

  /** Runs a statement that gives nothing. */
  run(sql: string, ...values: readonly Row[string][]): void {
    guarded(this.#path, () => this.#database.prepare(sql).run(...values));
  }

  /** The rows of a table that a condition, an order and limits choose; damaged ones are passed over, which is said. */
  all(table: LedgerTable, which: string, ...values: readonly Row[string][]): readonly Row[] {
    const sql = `SELECT * FROM ${table} ${which}`;
    const rows = guarded(this.#path, () => this.#database.prepare(sql).all(...values));
    return (rows as readonly Row[]).filter((row) => isIntact(table, row) || this.passOver());
  }

  /** All that is done, or nothing of it. */
  together(work: () => void): void {
    guarded(this.#path, () => {
      this.#database.exec("BEGIN");
      try {
        work();
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** One flipped bit costs one record, and is said once. */
  passOver(): false {
    if (!this.#hasWarned) this.#warn(`${this.#path} holds damaged records, which are passed over`);
    this.#hasWarned = true;
    return false;
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
