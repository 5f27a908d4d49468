import type { DatabaseSync } from "node:sqlite";
import type { ChainBytes } from "../../gossip/index.ts";
import type { Digest } from "../../types.ts";
import { guarded } from "./ledger-database.ts";

/** A final block of a height, with its certificate. */
export interface KeptBlock extends ChainBytes {
  readonly height: number;
}

/** What mode `agreed` keeps of a run: what this node said about the open height, and the chain of final blocks. */
export class AgreedTables {
  readonly #path: string;
  readonly #database: DatabaseSync;

  constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
  }

  /** Adds what is said about a height, before it is sent. */
  appendSaid(run: Digest, height: number, bytes: Uint8Array): void {
    const sql = "INSERT INTO said (run, height, bytes) VALUES (?, ?, ?)";
    guarded(this.#path, () => this.#database.prepare(sql).run(run, height, bytes));
  }

  /** What was said about a height, the first first. */
  said(run: Digest, height: number): readonly Uint8Array[] {
    const sql = "SELECT bytes FROM said WHERE run = ? AND height = ? ORDER BY id";
    const rows = guarded(this.#path, () => this.#database.prepare(sql).all(run, height));
    return rows.map(({ bytes }) => bytes as Uint8Array);
  }

  /**
   * Adds final blocks, all or none. What was said about the heights below the first is of no use any more; of the first
   * itself it is until the state after it is kept, for a node that goes down before begins there again.
   */
  appendChain(run: Digest, blocks: readonly KeptBlock[]): void {
    guarded(this.#path, () => {
      this.#database.exec("BEGIN");
      try {
        const insert = this.#database.prepare(
          "INSERT OR IGNORE INTO chain (run, height, block, certificate) VALUES (?, ?, ?, ?)",
        );
        const forget = this.#database.prepare("DELETE FROM said WHERE run = ? AND height < ?");
        for (const { height, block, certificate } of blocks) {
          insert.run(run, height, block, certificate);
        }
        forget.run(run, blocks[0]?.height ?? 0);
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** The final blocks from a height on, so many at most. */
  chain(run: Digest, from: number, most: number): readonly KeptBlock[] {
    const sql =
      "SELECT height, block, certificate FROM chain WHERE run = ? AND height >= ? ORDER BY height LIMIT ?";
    const rows = guarded(this.#path, () => this.#database.prepare(sql).all(run, from, most));
    return rows.map(({ height, block, certificate }) => ({
      height: Number(height),
      block: block as Uint8Array,
      certificate: certificate as Uint8Array,
    }));
  }
}
