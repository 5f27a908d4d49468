import type { RoundRecord, RunResult } from "../../src/node/records/records.ts";
import type { Checkpoint, OwnUpdate, Store } from "../../src/node/store/contract.ts";
import type { Evidence } from "../../src/types.ts";
import type { Life } from "./life.ts";

/** What a peer has on its disk; outlives its processes. */
export class MemoryDisk {
  checkpoint: Checkpoint | null = null;
  readonly updates = new Map<number, OwnUpdate>();
  readonly rounds: RoundRecord[] = [];
  readonly evidence: Evidence[] = [];
  result: RunResult | null = null;

  /** The store of one process. */
  open(life: Life): Store {
    const disk = this;
    return {
      folder: "memory",
      loadCheckpoint: () =>
        disk.checkpoint === null ? null : { checkpoint: disk.checkpoint, warning: null },
      commitRound(checkpoint, record) {
        life.check();
        const index = disk.rounds.findIndex(({ round }) => round === record.round);
        disk.rounds.splice(index < 0 ? disk.rounds.length : index, 1, record);
        disk.checkpoint = checkpoint;
        for (const round of disk.updates.keys()) {
          if (round < checkpoint.round - UPDATES_KEPT) disk.updates.delete(round);
        }
      },
      loadUpdate: (_, round) => disk.updates.get(round) ?? null,
      saveUpdate(update) {
        life.check();
        disk.updates.set(update.round, update);
      },
      rounds: (_, limit) => disk.rounds.toReversed().slice(0, limit),
      appendEvidence(_, evidence) {
        life.check();
        disk.evidence.push(evidence);
      },
      evidence: (_, limit) => disk.evidence.toReversed().slice(0, limit),
      saveResult(_, result) {
        life.check();
        disk.result = result;
      },
      loadResult: () => disk.result,
      close: () => undefined,
    };
  }
}

/** As many as a data folder keeps. */
const UPDATES_KEPT = 3;
