import type { DatabaseSync } from "node:sqlite";
import type { z } from "zod";
import { parseJson } from "../../json.ts";
import type { Digest, Evidence } from "../../types.ts";
import { evidenceSchema, roundRecordSchema, runResultSchema } from "../records/record-schemas.ts";
import type { RoundRecord, RunResult } from "../records/records.ts";
import { AgreedTables } from "./agreed-tables.ts";
import { guarded, openLedgerDatabase, openLedgerToRead } from "./ledger-database.ts";

/** Newest records that are kept, rounds by run; older ones make room. */
const LIMITS = { rounds: 10_000, evidence: 10_000 } as const;

/** What happened, run by run: rounds, evidence, results. */
export class LedgerFile {
  /** What mode `agreed` keeps. */
  readonly agreed: AgreedTables;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #limits: { readonly rounds: number; readonly evidence: number };
  readonly #warn: (sentence: string) => void;
  #hasWarned = false;

  constructor(
    path: string,
    warn: (sentence: string) => void,
    limits: { readonly rounds: number; readonly evidence: number } = LIMITS,
    database = openLedgerDatabase(path, warn),
  ) {
    this.#path = path;
    this.#limits = limits;
    this.#warn = warn;
    this.#database = database;
    this.agreed = new AgreedTables(path, database);
  }

  /** The ledger beside a node or without one, to be read only; null where there is none that can be read. */
  static beside(path: string, warn: (sentence: string) => void): LedgerFile | null {
    const database = openLedgerToRead(path, warn);
    return database === null ? null : new LedgerFile(path, warn, LIMITS, database);
  }

  /** Adds a round; one that was noted before (by a process that was killed right after) is replaced. */
  appendRound(run: Digest, record: RoundRecord): void {
    this.#write("INSERT OR REPLACE INTO rounds (run, round, record) VALUES (?, ?, ?)", [
      run,
      record.round,
      JSON.stringify(record),
    ]);
    this.#write("DELETE FROM rounds WHERE run = ? AND round <= ?", [
      run,
      record.round - this.#limits.rounds,
    ]);
  }

  /** The last `limit` rounds of a run but the newest `offset`, oldest first. */
  rounds(run: Digest, limit: number, offset = 0): readonly RoundRecord[] {
    const sql = "SELECT record FROM rounds WHERE run = ? ORDER BY round DESC LIMIT ? OFFSET ?";
    return this.#read(sql, [run, limit, offset], roundRecordSchema).reverse();
  }

  /** The runs that it has rounds of. */
  runs(): readonly Digest[] {
    const rows = guarded(this.#path, () =>
      this.#database.prepare("SELECT DISTINCT run FROM rounds").all(),
    );
    return rows.map(({ run }) => String(run));
  }

  appendEvidence(run: Digest, evidence: Evidence): void {
    this.#write("INSERT INTO evidence (run, record) VALUES (?, ?)", [
      run,
      JSON.stringify(evidence),
    ]);
    this.#write("DELETE FROM evidence WHERE id <= (SELECT max(id) FROM evidence) - ?", [
      this.#limits.evidence,
    ]);
  }

  /** The last `limit` pieces of evidence of a run but the newest `offset`, oldest first. */
  evidence(run: Digest, limit: number, offset = 0): readonly Evidence[] {
    const sql = "SELECT record FROM evidence WHERE run = ? ORDER BY id DESC LIMIT ? OFFSET ?";
    return this.#read(sql, [run, limit, offset], evidenceSchema).reverse();
  }

  saveResult(run: Digest, result: RunResult): void {
    const sql = "INSERT OR REPLACE INTO results (run, record) VALUES (?, ?)";
    this.#write(sql, [run, JSON.stringify(result)]);
  }

  loadResult(run: Digest): RunResult | null {
    const sql = "SELECT record FROM results WHERE run = ? LIMIT ?";
    return this.#read(sql, [run, 1], runResultSchema)[0] ?? null;
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  // --- internal ---

  #write(sql: string, values: readonly (string | number)[]): void {
    guarded(this.#path, () => this.#database.prepare(sql).run(...values));
  }

  #read<T>(sql: string, values: readonly (string | number)[], schema: z.ZodType<T>): T[] {
    const rows = guarded(this.#path, () => this.#database.prepare(sql).all(...values));
    return rows.flatMap(({ record }) => {
      const parsed = schema.safeParse(parseJson(String(record)));
      if (!parsed.success) this.#passOver();
      return parsed.success ? [parsed.data] : [];
    });
  }

  /** One flipped bit costs one record, and is said once. */
  #passOver(): void {
    if (!this.#hasWarned) this.#warn(`${this.#path} holds damaged records, which are passed over`);
    this.#hasWarned = true;
  }
}
