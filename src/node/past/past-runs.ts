import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import type { Digest, Evidence } from "../../types.ts";
import { runRecordSchema } from "../records/record-schemas.ts";
import type { RoundRecord, RunRecord, RunResult } from "../records/records.ts";
import type { KeptBlock } from "../store/agreed-tables.ts";
import type { Checkpoint, KeptRound } from "../store/contract.ts";
import { fileError, isFileOrNothing, isMissing, realFileSystem } from "../store/file-system.ts";
import { type GenerationFile, Generations } from "../store/generations.ts";
import { LedgerFile } from "../store/ledger.ts";
import { openSealed } from "../store/sealed-json.ts";
import { toCheckpoint, toKeptRound } from "../store/state-files.ts";
import { RUN_FILE } from "../store/store.ts";

const RUN_FILE_BYTES_MAX = 4_194_304;
const RUN_ID = /^[0-9a-f]{64}$/;

/** Rounds of one run that are read at most: more are not kept. */
export const ROUNDS_MAX = 10_000;
/** Pieces of evidence of one run that are read at most: more are not kept. */
const EVIDENCE_MAX = 10_000;
/** Final blocks of one run that are read at most. */
const CHAIN_MAX = 1_000_000;

/**
 * The runs that a node's folder holds, read beside a node that may be running: takes no lock and changes nothing.
 * `close` it when done.
 */
export class PastRuns {
  readonly folder: string;
  readonly #ledger: LedgerFile | null;
  readonly #warn: (sentence: string) => void;

  constructor(folder: string, warn: (sentence: string) => void) {
    this.folder = folder;
    this.#warn = warn;
    this.#ledger = LedgerFile.beside(join(folder, "ledger.sqlite"), warn);
  }

  /** Run ids, the one that was worked on last first. */
  ids(): readonly Digest[] {
    const ids = new Set([...this.#folders(), ...(this.#ledger?.runs() ?? [])]);
    const ages = [...ids].map((run) => ({ run, at: this.#workedOnAt(run) }));
    return ages.sort((a, b) => b.at - a.at || (a.run < b.run ? -1 : 1)).map(({ run }) => run);
  }

  /** The one run whose id begins so; throws `usage` for none and for several. */
  find(beginning: string): Digest {
    const found = this.ids().filter((run) => run.startsWith(beginning.toLowerCase()));
    const [run] = found;
    if (run !== undefined && found.length === 1) return run;
    throw new KlatchError(
      "usage",
      `${found.length === 0 ? "no run" : `${found.length} runs`} of ${this.folder} begin${found.length === 0 ? "s" : ""} with ${beginning}`,
      "`klatch runs` lists them",
    );
  }

  /** What the run is; null of runs of earlier versions, which wrote none down. */
  record(run: Digest): RunRecord | null {
    const path = join(this.folder, "runs", run, RUN_FILE);
    if (!isFileOrNothing(path)) return null;
    try {
      if (statSync(path).size > RUN_FILE_BYTES_MAX) return this.#damaged(path);
      const parsed = runRecordSchema.safeParse(openSealed(readFileSync(path, "utf8")));
      return parsed.success ? parsed.data : this.#damaged(path);
    } catch (error) {
      if (isMissing(error)) return null;
      throw fileError(error, path);
    }
  }

  /** The last `limit` rounds of a run but the newest `offset`, oldest first. */
  rounds(run: Digest, limit = ROUNDS_MAX, offset = 0): readonly RoundRecord[] {
    return this.#ledger?.rounds(run, limit, offset) ?? [];
  }

  /** What was held against peers, the last pieces, oldest first. */
  evidence(run: Digest): readonly Evidence[] {
    return this.#ledger?.evidence(run, EVIDENCE_MAX) ?? [];
  }

  result(run: Digest): RunResult | null {
    return this.#ledger?.loadResult(run) ?? null;
  }

  /** The final blocks of a run in mode `agreed`, so many of the first at most. */
  chain(run: Digest, most = CHAIN_MAX): readonly KeptBlock[] {
    return this.#ledger?.agreed.chain(run, 0, most) ?? [];
  }

  /** Newest first; the number of a checkpoint is that of the rounds that went into it. */
  checkpoints(run: Digest): readonly GenerationFile[] {
    return this.#generations(run).list();
  }

  /**
   * The checkpoint after so many rounds, or the newest intact one.
   *
   * @throws KlatchError `disk` when it is damaged, or all are
   */
  checkpoint(run: Digest, rounds: number | null): Checkpoint | null {
    const read = (...[record, round]: Parameters<Parameters<Generations["peek"]>[1]>) =>
      toCheckpoint(record, run, round);
    const generations = this.#generations(run);
    return rounds === null
      ? generations.peekNewest(read, this.#warn)
      : generations.peek(rounds, read);
  }

  /** Rounds of a run that can be mixed again, the first first. */
  keptRounds(run: Digest): readonly number[] {
    const numbers = this.#generations(run, "round")
      .list()
      .map(({ number }) => number);
    return numbers.sort((a, b) => a - b);
  }

  /** A round of a run that can be mixed again; null where it is not kept. Throws `disk` when it is damaged. */
  keptRound(run: Digest, round: number): KeptRound | null {
    return this.#generations(run, "round").peek(round, (record) => toKeptRound(record, run, round));
  }

  close(): void {
    this.#ledger?.close();
  }

  // --- internal ---

  #generations(run: Digest, kind: "checkpoint" | "round" = "checkpoint"): Generations {
    return new Generations(realFileSystem, join(this.folder, "runs", run), kind);
  }

  #folders(): readonly Digest[] {
    const runs = join(this.folder, "runs");
    try {
      return realFileSystem.readdirSync(runs).filter((name) => RUN_ID.test(name));
    } catch (error) {
      if (isMissing(error)) return [];
      throw fileError(error, runs);
    }
  }

  #workedOnAt(run: Digest): number {
    const times = [
      this.record(run)?.savedAt ?? 0,
      this.rounds(run, 1)[0]?.endedAt ?? 0,
      this.checkpoints(run)[0]?.savedAt ?? 0,
    ];
    return Math.max(...times);
  }

  #damaged(path: string): null {
    this.#warn(`${path} is damaged, and passed over`);
    return null;
  }
}
