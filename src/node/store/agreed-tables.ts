import type { ChainBytes } from "../../gossip/index.ts";
import type { Digest } from "../../types.ts";
import type { LedgerRows } from "./ledger-rows.ts";

/** A final block of a height, with its certificate. */
export interface KeptBlock extends ChainBytes {
  readonly height: number;
}

/** What mode `agreed` keeps of a run: what this node said about the open height, and the chain of final blocks. */
export class AgreedTables {
  readonly #rows: LedgerRows;

  constructor(rows: LedgerRows) {
    this.#rows = rows;
  }

  /** Adds what is said about a height, before it is sent. */
  appendSaid(run: Digest, height: number, bytes: Uint8Array): void {
    this.#rows.put("said", { run, height, bytes });
  }

  /** What was said about a height, the first first. */
  said(run: Digest, height: number): readonly Uint8Array[] {
    const rows = this.#rows.all("said", "WHERE run = ? AND height = ? ORDER BY id", run, height);
    return rows.map(({ bytes }) => bytes as Uint8Array);
  }

  /**
   * Adds final blocks, all or none. What was said about the heights below the first is of no use any more; of the first
   * itself it is until the state after it is kept, for a node that goes down before begins there again.
   */
  appendChain(run: Digest, blocks: readonly KeptBlock[]): void {
    this.#rows.together(() => {
      for (const { height, block, certificate } of blocks) {
        this.#rows.put("chain", { run, height, block, certificate });
      }
      const below = blocks[0]?.height ?? 0;
      this.#rows.run("DELETE FROM said WHERE run = ? AND height < ?", run, below);
    });
  }

  /** The final blocks from a height on, so many at most. */
  chain(run: Digest, from: number, most: number): readonly KeptBlock[] {
    const which = "WHERE run = ? AND height >= ? ORDER BY height LIMIT ?";
    const rows = this.#rows.all("chain", which, run, from, most);
    return rows.map(({ height, block, certificate }) => ({
      height: Number(height),
      block: block as Uint8Array,
      certificate: certificate as Uint8Array,
    }));
  }
}
