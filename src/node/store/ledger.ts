import type { z } from "zod";
import { parseJson } from "../../json.ts";
import type { Digest, Evidence } from "../../types.ts";
import { evidenceSchema, roundRecordSchema, runResultSchema } from "../records/record-schemas.ts";
import type { RoundRecord, RunResult } from "../records/records.ts";
import { AgreedTables } from "./agreed-tables.ts";
import { openLedgerDatabase, openLedgerToRead } from "./ledger-database.ts";
import { LedgerRows } from "./ledger-rows.ts";
import { LEDGER_TABLES, type Row } from "./row-sum.ts";

/** Newest records that are kept, rounds by run; older ones make room. */
const LIMITS = { rounds: 10_000, evidence: 10_000 } as const;

/** What happened, run by run: rounds, evidence, results. */
export class LedgerFile {
  /** What mode `agreed` keeps. */
  readonly agreed: AgreedTables;
  readonly #rows: LedgerRows;
  readonly #limits: { readonly rounds: number; readonly evidence: number };

  constructor(
    path: string,
    warn: (sentence: string) => void,
    limits: { readonly rounds: number; readonly evidence: number } = LIMITS,
    database = openLedgerDatabase(path, warn),
  ) {
    this.#limits = limits;
    this.#rows = new LedgerRows(path, database, warn);
    this.agreed = new AgreedTables(this.#rows);
    // a row that is under another run by damage would be asked for by nobody
    for (const table of LEDGER_TABLES) this.#rows.all(table, "GROUP BY run");
  }

  /** The ledger beside a node or without one, to be read only; null where there is none that can be read. */
  static beside(path: string, warn: (sentence: string) => void): LedgerFile | null {
    const database = openLedgerToRead(path, warn);
    return database === null ? null : new LedgerFile(path, warn, LIMITS, database);
  }

  /** Adds a round; one that was noted before (by a process that was killed right after) is replaced. */
  appendRound(run: Digest, record: RoundRecord): void {
    const { round } = record;
    this.#rows.put("rounds", { run, round, record: JSON.stringify(record) });
    const oldest = round - this.#limits.rounds;
    this.#rows.run("DELETE FROM rounds WHERE run = ? AND round <= ?", run, oldest);
  }

  /** The last `limit` rounds of a run but the newest `offset`, oldest first. */
  rounds(run: Digest, limit: number, offset = 0): readonly RoundRecord[] {
    const which = "WHERE run = ? ORDER BY round DESC LIMIT ? OFFSET ?";
    const rows = this.#rows.all("rounds", which, run, limit, offset);
    return this.#parsed(rows, roundRecordSchema).reverse();
  }

  /** The number of the newest round of a run; -1 where there is none. */
  newestRound(run: Digest): number {
    const rows = this.#rows.all("rounds", "WHERE run = ? ORDER BY round DESC LIMIT 1", run);
    const [{ round } = { round: -1 }] = rows;
    return Number(round);
  }

  /** The runs that it has rounds of. */
  runs(): readonly Digest[] {
    const rows = this.#rows.all("rounds", "GROUP BY run");
    return rows.map(({ run }) => String(run));
  }

  appendEvidence(run: Digest, evidence: Evidence): void {
    this.#rows.put("evidence", { run, record: JSON.stringify(evidence) });
    const oldest = this.#limits.evidence;
    this.#rows.run("DELETE FROM evidence WHERE id <= (SELECT max(id) FROM evidence) - ?", oldest);
  }

  /** The last `limit` pieces of evidence of a run but the newest `offset`, oldest first. */
  evidence(run: Digest, limit: number, offset = 0): readonly Evidence[] {
    const which = "WHERE run = ? ORDER BY id DESC LIMIT ? OFFSET ?";
    const rows = this.#rows.all("evidence", which, run, limit, offset);
    return this.#parsed(rows, evidenceSchema).reverse();
  }

  saveResult(run: Digest, result: RunResult): void {
    this.#rows.put("results", { run, record: JSON.stringify(result) });
  }

  loadResult(run: Digest): RunResult | null {
    const rows = this.#rows.all("results", "WHERE run = ?", run);
    return this.#parsed(rows, runResultSchema)[0] ?? null;
  }

  close(): void {
    this.#rows.close();
  }

  // --- internal ---

  #parsed<T>(rows: readonly Row[], schema: z.ZodType<T>): T[] {
    return rows.flatMap(({ record }) => {
      const parsed = schema.safeParse(parseJson(String(record)));
      if (!parsed.success) this.#rows.passOver();
      return parsed.success ? [parsed.data] : [];
    });
  }
}
