import assert from "node:assert/strict";
import type { Store } from "../../src/node/store/contract.ts";
import { type AcceptanceCase, acceptanceOf } from "./acceptance.ts";
import {
  checkpointOf,
  evidenceOf,
  OTHER_RUN,
  RUN,
  recordOf,
  resultOf,
  trainingOf,
  updateOf,
} from "./store-samples.ts";

/** Where a store keeps things: it outlives whoever opens it. */
export interface StoreMedium {
  /** The store as a new process opens it. */
  open(): Store;
}

/**
 * What every `Store` must do, as named cases for any test runner.
 *
 * ```ts
 * for (const { name, run } of storeAcceptance(() => ({ open: () => openMyStore(newFolder()) }))) test(name, run);
 * ```
 *
 * @param make - An empty medium for each case.
 */
export function storeAcceptance(
  make: () => StoreMedium | Promise<StoreMedium>,
): readonly AcceptanceCase[] {
  return acceptanceOf(CASES, async () => new Processes(await make()));
}

// --- internal ---

/** The processes that use a medium, one after the other. */
class Processes {
  readonly medium: StoreMedium;
  #store: Store | null = null;

  constructor(medium: StoreMedium) {
    this.medium = medium;
  }

  /** The store of the first process, or of the next one after the last has ended. */
  next(): Store {
    this.#store?.close();
    this.#store = this.medium.open();
    return this.#store;
  }

  async end(): Promise<void> {
    this.#store?.close();
  }
}

const CASES: Readonly<Record<string, (processes: Processes) => void>> = {
  "holds nothing at first": (processes) => {
    const store = processes.next();
    assertEmpty(store, RUN);
  },

  "gives checkpoints and own updates back to the last bit, to the next process too": (
    processes,
  ) => {
    const first = processes.next();
    first.commitRound(checkpointOf(7), recordOf(6));
    first.saveUpdate(updateOf(7));
    for (const process of [() => first, () => processes.next()]) {
      const store = process();
      assert.deepEqual(store.loadCheckpoint(RUN), { checkpoint: checkpointOf(7), warning: null });
      assert.deepEqual(store.loadUpdate(RUN, 7), updateOf(7));
    }
  },

  "keeps values that are special: NaN, infinities, negative zero, subnormals; a loss that is no number":
    (processes) => {
      const adapter = Float32Array.of(Number.NaN, -0, 1e-45, Number.NEGATIVE_INFINITY, -3.4e38);
      const update = { ...updateOf(1), adapter, trainLoss: Number.NaN };
      processes.next().saveUpdate(update);
      assert.deepEqual(processes.next().loadUpdate(RUN, 1), update);
    },

  "keeps what an array held, whatever becomes of that array": (processes) => {
    const store = processes.next();
    const larger = Float32Array.of(9, 1, 2, 3, 9);
    store.commitRound({ ...checkpointOf(1), adapter: larger.subarray(1, 4) }, recordOf(0));
    larger.fill(0);
    const [loaded, again] = [adapterIn(store), adapterIn(store)];
    assert.deepEqual(loaded, Float32Array.of(1, 2, 3));
    loaded?.fill(0);
    assert.deepEqual(again, Float32Array.of(1, 2, 3));
    assert.deepEqual(adapterIn(store), Float32Array.of(1, 2, 3));
  },

  "keeps what a transform of gradients remembers": (processes) => {
    const transforms = [{ seen: 3, centre: [0.5, null] }];
    const checkpoint = checkpointOf(1);
    const optimizer = { ...checkpoint.optimizer, transforms };
    processes.next().commitRound({ ...checkpoint, optimizer }, recordOf(0));
    assert.deepEqual(processes.next().loadCheckpoint(RUN)?.checkpoint.optimizer, optimizer);
  },

  "takes up the newest checkpoint": (processes) => {
    const store = processes.next();
    for (const round of [1, 2, 3, 4, 5])
      store.commitRound(checkpointOf(round), recordOf(round - 1));
    assert.equal(store.loadCheckpoint(RUN)?.checkpoint.round, 5);
    assert.equal(processes.next().loadCheckpoint(RUN)?.checkpoint.round, 5);
  },

  "takes up the checkpoint that was kept last where a node went back to a round that it had left out":
    (processes) => {
      const store = processes.next();
      store.commitRound(checkpointOf(11), recordOf(0));
      store.commitRound(checkpointOf(2), recordOf(1));
      assert.equal(store.loadCheckpoint(RUN)?.checkpoint.round, 2);
      assert.equal(processes.next().loadCheckpoint(RUN)?.checkpoint.round, 2);
    },

  "tells the last rounds, the oldest first, each once": (processes) => {
    const store = processes.next();
    for (const round of [0, 1, 2]) store.commitRound(checkpointOf(round + 1), recordOf(round));
    const again = { ...recordOf(2), bytesSent: 99 };
    store.commitRound(checkpointOf(3), again);
    assert.deepEqual(store.rounds(RUN, 2), [recordOf(1), again]);
    assert.deepEqual(store.rounds(RUN, 2, 1), [recordOf(0), recordOf(1)]);
    assert.deepEqual(store.rounds(RUN, 2, 2), [recordOf(0)]);
    assert.deepEqual(store.rounds(RUN, 2, 3), []);
    assert.deepEqual(processes.next().rounds(RUN, 100), [recordOf(0), recordOf(1), again]);
  },

  "tells the last evidence, the oldest first": (processes) => {
    const store = processes.next();
    for (const round of [0, 1, 2, 3]) store.appendEvidence(RUN, evidenceOf(round));
    assert.deepEqual(store.evidence(RUN, 3), [1, 2, 3].map(evidenceOf));
    assert.deepEqual(processes.next().evidence(RUN, 100), [0, 1, 2, 3].map(evidenceOf));
  },

  "has the updates of this round and of the one before, and not those of long ago": (processes) => {
    const store = processes.next();
    for (let round = 0; round < 10; round++) {
      store.saveUpdate(updateOf(round));
      store.commitRound(checkpointOf(round + 1), recordOf(round));
    }
    store.saveUpdate(updateOf(10));
    for (const each of [store, processes.next()]) {
      assert.deepEqual(each.loadUpdate(RUN, 10), updateOf(10));
      assert.deepEqual(each.loadUpdate(RUN, 9), updateOf(9));
      assert.equal(each.loadUpdate(RUN, 0), null);
    }
  },

  "has the newest training of a round, and no other's": (processes) => {
    const store = processes.next();
    store.saveTraining(trainingOf(3));
    const further = { ...trainingOf(3), steps: 9 };
    store.saveTraining(further);
    for (const each of [store, processes.next()]) {
      assert.deepEqual(each.loadTraining(RUN, 3), further);
      assert.equal(each.loadTraining(RUN, 4), null);
      assert.equal(each.loadTraining(OTHER_RUN, 3), null);
    }
    const last = processes.next();
    last.saveTraining(trainingOf(4));
    assert.deepEqual(last.loadTraining(RUN, 4), trainingOf(4));
    assert.equal(last.loadTraining(RUN, 3), null);
  },

  "takes the second update of a round for the first": (processes) => {
    const store = processes.next();
    store.saveUpdate(updateOf(1));
    const second = { ...updateOf(1), sequence: 9, payload: Uint8Array.of(1, 2, 3) };
    store.saveUpdate(second);
    assert.deepEqual(store.loadUpdate(RUN, 1), second);
  },

  "keeps the final result, the last one": (processes) => {
    const store = processes.next();
    store.saveResult(RUN, { rounds: 3, evaluation: null });
    store.saveResult(RUN, resultOf(4));
    assert.deepEqual(store.loadResult(RUN), resultOf(4));
    assert.deepEqual(processes.next().loadResult(RUN), resultOf(4));
  },

  "keeps runs apart": (processes) => {
    const store = processes.next();
    store.commitRound(checkpointOf(7), recordOf(6));
    store.saveUpdate(updateOf(7));
    store.appendEvidence(RUN, evidenceOf(6));
    store.saveResult(RUN, resultOf(7));
    assertEmpty(store, OTHER_RUN);
    store.commitRound(checkpointOf(2, OTHER_RUN), recordOf(1));
    assert.deepEqual(store.loadCheckpoint(RUN)?.checkpoint, checkpointOf(7));
    assert.deepEqual(store.loadCheckpoint(OTHER_RUN)?.checkpoint, checkpointOf(2, OTHER_RUN));
    assert.deepEqual(store.rounds(OTHER_RUN, 10), [recordOf(1)]);
  },

  "is one process's at a time": (processes) => {
    processes.next();
    assert.throws(() => processes.medium.open(), { code: "locked" });
    processes.next();
  },
};

function adapterIn(store: Store): Float32Array | undefined {
  return store.loadCheckpoint(RUN)?.checkpoint.adapter;
}

function assertEmpty(store: Store, run: string): void {
  assert.equal(store.loadCheckpoint(run), null);
  assert.equal(store.loadUpdate(run, 7), null);
  assert.deepEqual(store.rounds(run, 10), []);
  assert.deepEqual(store.evidence(run, 10), []);
  assert.equal(store.loadResult(run), null);
}
