import { describe, expect, test } from "vitest";
import type { Store } from "../../../../src/node/store/contract.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import {
  type StoreMedium,
  storeAcceptance,
} from "../../../../testnet/acceptance/store-acceptance.ts";
import { decorated } from "../../../../testnet/attacks/attack.ts";
import { Life } from "../../../../testnet/simulation/life.ts";
import { MemoryDisk } from "../../../../testnet/simulation/memory-store.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

function dataFolder(): StoreMedium {
  const folder = temporaryFolder();
  return { open: () => openStore(folder) };
}

function memoryDisk(): StoreMedium {
  const disk = new MemoryDisk();
  return { open: () => disk.open(new Life()) };
}

describe.each([
  ["a data folder", dataFolder],
  ["a memory disk", memoryDisk],
])("%s", (_name, make) => {
  test.each(storeAcceptance(make))("$name", ({ run }) => run());
});

/** The first run that it was told of, whichever is asked for. */
function mixedUp(store: Store): Partial<Store> {
  let first: string | undefined;
  return {
    commitRound(checkpoint, record) {
      first ??= checkpoint.run;
      store.commitRound(checkpoint, record);
    },
    loadCheckpoint: () => store.loadCheckpoint(first ?? ""),
  };
}

/** Keeps the arrays themselves. */
function withoutCopies(store: Store): Partial<Store> {
  let kept: ReturnType<Store["loadCheckpoint"]> = null;
  return {
    commitRound(checkpoint, record) {
      kept = { checkpoint, warning: null };
      store.commitRound(checkpoint, record);
    },
    loadCheckpoint: () => kept,
  };
}

/** For every case a store that is broken in one way, in which it fails. */
const BROKEN: Readonly<Record<string, (store: Store) => Partial<Store>>> = {
  "holds nothing at first": () => ({
    loadResult: () => ({ rounds: 0, evaluation: null }),
  }),
  "gives checkpoints and own updates back to the last bit, to the next process too": (store) => ({
    commitRound: (checkpoint, record) => store.commitRound({ ...checkpoint, memory: {} }, record),
  }),
  "keeps values that are special: NaN, infinities, negative zero, subnormals; a loss that is no number":
    (store) => ({
      saveUpdate: (update) =>
        store.saveUpdate({ ...update, adapter: update.adapter.map((value) => value + 0) }),
    }),
  "keeps what an array held, whatever becomes of that array": withoutCopies,
  "keeps what a transform of gradients remembers": (store) => ({
    commitRound(checkpoint, record) {
      const { transforms: _, ...optimizer } = checkpoint.optimizer;
      store.commitRound({ ...checkpoint, optimizer }, record);
    },
  }),
  "takes up the newest checkpoint": (store) => {
    let commits = 0;
    return {
      commitRound(checkpoint, record) {
        commits += 1;
        if (commits < 5) store.commitRound(checkpoint, record);
      },
    };
  },
  "takes up the checkpoint that was kept last where a node went back to a round that it had left out":
    (store) => {
      let newest = 0;
      return {
        commitRound(checkpoint, record) {
          if (checkpoint.round < newest) return;
          newest = checkpoint.round;
          store.commitRound(checkpoint, record);
        },
      };
    },
  "tells the last rounds, the oldest first, each once": (store) => ({
    rounds: (run, limit) => store.rounds(run, limit).toReversed(),
  }),
  "tells the last evidence, the oldest first": (store) => ({
    evidence: (run, limit) => store.evidence(run, 100).slice(0, limit),
  }),
  "has the updates of this round and of the one before, and not those of long ago": (store) => {
    let newest = 0;
    return {
      saveUpdate(update) {
        newest = update.round;
        store.saveUpdate(update);
      },
      loadUpdate: (run, round) => (round < newest ? null : store.loadUpdate(run, round)),
    };
  },
  "has the newest training of a round, and no other's": (store) => ({
    saveTraining(training) {
      if (store.loadTraining(training.run, training.round) === null) store.saveTraining(training);
    },
  }),
  "takes the second update of a round for the first": (store) => ({
    saveUpdate(update) {
      if (store.loadUpdate(update.run, update.round) === null) store.saveUpdate(update);
    },
  }),
  "keeps the final result, the last one": (store) => ({
    saveResult(run, result) {
      if (store.loadResult(run) === null) store.saveResult(run, result);
    },
  }),
  "keeps runs apart": mixedUp,
  "is one process's at a time": (store) => ({ close: store.close }),
};

describe("a store that is broken (control)", () => {
  const cases = storeAcceptance(memoryDisk);

  test("is known for every case", () => {
    expect(Object.keys(BROKEN)).toEqual(cases.map(({ name }) => name));
  });

  test.each(Object.entries(BROKEN))("fails: %s", async (name, breaking) => {
    const isUnlocked = name.startsWith("is one process's");
    const make = (): StoreMedium => {
      const disk = new MemoryDisk();
      let life = new Life();
      return {
        open() {
          if (isUnlocked) life.end();
          life = new Life();
          const store = disk.open(life);
          return decorated(store, breaking(store));
        },
      };
    };
    const broken = storeAcceptance(make).find((each) => each.name === name);

    await expect(broken?.run()).rejects.toThrow(expect.objectContaining({ code: "ERR_ASSERTION" }));
  });
});
