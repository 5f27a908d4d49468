import { KlatchError } from "../../src/errors.ts";
import type { RoundRecord, RunResult } from "../../src/node/records/records.ts";
import type { KeptBlock } from "../../src/node/store/agreed-tables.ts";
import type { Checkpoint, OwnUpdate, RoundTraining, Store } from "../../src/node/store/contract.ts";
import type { Digest, Evidence } from "../../src/types.ts";
import type { Life } from "./life.ts";

/** Own updates of a run that are kept; as many as a data folder keeps. */
const UPDATES_KEPT = 3;

/** What a disk holds of one run. */
class KeptRun {
  checkpoint: Checkpoint | null = null;
  updates: readonly OwnUpdate[] = [];
  training: RoundTraining | null = null;
  readonly rounds: RoundRecord[] = [];
  readonly evidence: Evidence[] = [];
  readonly said: { readonly height: number; readonly bytes: Uint8Array }[] = [];
  readonly chain: KeptBlock[] = [];
  result: RunResult | null = null;
}

export type DiskCopy = ReadonlyMap<Digest, KeptRun>;

/** What a peer has on its disk; outlives its processes. Gives and takes copies, as a disk does. */
export class MemoryDisk {
  #runs = new Map<Digest, KeptRun>();
  #holder: Life | null = null;

  /** The newest checkpoint of the disk's first run; a simulated peer has one. */
  get checkpoint(): Checkpoint | null {
    return this.#first.checkpoint;
  }

  /** Rounds of its first run, the first first. */
  get rounds(): readonly RoundRecord[] {
    return this.#first.rounds;
  }

  /** Final blocks of its first run, in mode `agreed`. */
  get chain(): readonly KeptBlock[] {
    return this.#first.chain;
  }

  get evidence(): readonly Evidence[] {
    return this.#first.evidence;
  }

  get result(): RunResult | null {
    return this.#first.result;
  }

  /** What is on it now. */
  copy(): DiskCopy {
    return structuredClone(this.#runs);
  }

  /** The disk is lost, and put back from a copy; from none it is empty. */
  putBack(copy: DiskCopy = new Map()): void {
    this.#runs = structuredClone(copy) as Map<Digest, KeptRun>;
  }

  /**
   * The store of one process, until that closes it or is dead.
   *
   * @throws KlatchError `locked` while another has it
   */
  open(life: Life): Store {
    if (this.#holder?.isOver === false) {
      throw new KlatchError("locked", "the disk is in use by another process", "end that one");
    }
    this.#holder = life;
    /** To write to, as far as the process lives. */
    const opened = (run: Digest): KeptRun => {
      life.check();
      return this.#write(run);
    };
    const read = (run: Digest): KeptRun => this.#runs.get(run) ?? NOTHING;
    return {
      folder: "memory",
      loadCheckpoint(run) {
        const { checkpoint } = read(run);
        return checkpoint && { checkpoint: structuredClone(checkpoint), warning: null };
      },
      commitRound: (checkpoint, record) => commitRound(opened(checkpoint.run), checkpoint, record),
      loadUpdate: (run, round) =>
        structuredClone(read(run).updates.find((update) => update.round === round) ?? null),
      saveUpdate: (update) => saveUpdate(opened(update.run), update),
      loadTraining(run, round) {
        const { training } = read(run);
        return structuredClone(training?.round === round ? training : null);
      },
      saveTraining(training) {
        opened(training.run).training = structuredClone(training);
      },
      rounds: (run, limit, offset) => last(read(run).rounds, limit, offset),
      appendEvidence: (run, evidence) => void opened(run).evidence.push(structuredClone(evidence)),
      evidence: (run, limit, offset) => last(read(run).evidence, limit, offset),
      appendSaid: (run, height, bytes) =>
        void opened(run).said.push({ height, bytes: bytes.slice() }),
      said: (run, height) =>
        read(run)
          .said.filter((each) => each.height === height)
          .map(({ bytes }) => bytes.slice()),
      appendChain: (run, blocks) => appendChain(opened(run), blocks),
      chain: (run, from, most) =>
        structuredClone(
          read(run)
            .chain.filter(({ height }) => height >= from)
            .slice(0, most),
        ),
      // Nobody rolls back in a simulation.
      keepRound: () => undefined,
      keptRound: () => null,
      saveResult(run, result) {
        opened(run).result = structuredClone(result);
      },
      loadResult: (run) => structuredClone(read(run).result),
      // For people who look into a folder: nobody looks into this one.
      memberChanges: () => new Map(),
      saveRun: () => undefined,
      close: () => {
        if (this.#holder === life) this.#holder = null;
      },
    };
  }

  // --- internal ---

  get #first(): KeptRun {
    const [first = NOTHING] = this.#runs.values();
    return first;
  }

  #write(run: Digest): KeptRun {
    const kept = this.#runs.get(run) ?? new KeptRun();
    this.#runs.set(run, kept);
    return kept;
  }
}

// --- internal ---

const NOTHING: KeptRun = new KeptRun();

function commitRound(kept: KeptRun, checkpoint: Checkpoint, record: RoundRecord): void {
  const index = kept.rounds.findIndex(({ round }) => round === record.round);
  kept.rounds.splice(index < 0 ? kept.rounds.length : index, 1, structuredClone(record));
  kept.checkpoint = structuredClone(checkpoint);
}

function saveUpdate(kept: KeptRun, update: OwnUpdate): void {
  const others = kept.updates.filter(({ round }) => round !== update.round);
  const newestFirst = [...others, structuredClone(update)].sort((a, b) => b.round - a.round);
  kept.updates = newestFirst.slice(0, UPDATES_KEPT);
}

function appendChain(kept: KeptRun, blocks: readonly KeptBlock[]): void {
  for (const block of blocks) {
    if (kept.chain.some(({ height }) => height === block.height)) continue;
    kept.chain.push(structuredClone(block));
  }
  const { height = 0 } = blocks[0] ?? {};
  const open = kept.said.filter((each) => each.height >= height);
  kept.said.splice(0, kept.said.length, ...open);
}

/** Copies of the last so many but the newest `offset`, the oldest first. */
function last<T>(list: readonly T[], limit: number, offset = 0): readonly T[] {
  const end = Math.max(0, list.length - offset);
  return structuredClone(list.slice(Math.max(0, end - limit), end));
}
