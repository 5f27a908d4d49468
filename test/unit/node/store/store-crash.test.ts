import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ArrayRecord } from "../../../../src/node/store/array-file.ts";
import { realFileSystem } from "../../../../src/node/store/file-system.ts";
import { Generations } from "../../../../src/node/store/generations.ts";
import {
  fromCheckpoint,
  fromUpdate,
  toCheckpoint,
  toUpdate,
} from "../../../../src/node/store/state-files.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import { Crash, FailingFileSystem } from "../../../support/failing-file-system.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { RUN, sampleCheckpoint, sampleRound, sampleUpdate } from "../node-samples.ts";

const RECORDS = {
  checkpoint: fromCheckpoint(sampleCheckpoint(4)),
  update: fromUpdate(sampleUpdate(4)),
};
type Kind = keyof typeof RECORDS;

const readers = {
  checkpoint: (record: ArrayRecord, round: number) => toCheckpoint(record, RUN, round),
  update: (record: ArrayRecord, round: number) => toUpdate(record, RUN, round),
};
const samples = { checkpoint: sampleCheckpoint, update: sampleUpdate };

/** A folder with three generations, so that the next save also drops an old file. */
function seededFolder(kind: Kind): string {
  const folder = join(temporaryFolder(), "run");
  const generations = new Generations(realFileSystem, folder, kind);
  for (const round of [1, 2, 3]) {
    const record =
      kind === "update" ? fromUpdate(sampleUpdate(round)) : fromCheckpoint(sampleCheckpoint(round));
    generations.save(round, record);
  }
  return folder;
}

test.each([
  ["checkpoint", "the process is killed"],
  ["checkpoint", "the power fails"],
  ["update", "the process is killed"],
  ["update", "the power fails"],
] as const)(
  "a crash between any two file operations of a saved %s, when %s, leaves a loadable store",
  (kind, how) => {
    const seed = seededFolder(kind);
    const whole = new FailingFileSystem(Number.POSITIVE_INFINITY);
    const control = join(temporaryFolder(), "control");
    cpSync(seed, control, { recursive: true });
    new Generations(whole, control, kind).save(4, RECORDS[kind]);
    expect(whole.count).toBeGreaterThan(10);
    const seen = new Set<number>();

    for (let crashAt = 0; crashAt < whole.count; crashAt++) {
      const folder = join(temporaryFolder(), String(crashAt));
      cpSync(seed, folder, { recursive: true });
      const fs = new FailingFileSystem(crashAt);
      const save = () => new Generations(fs, folder, kind).save(4, RECORDS[kind]);
      expect(save, `crash at ${crashAt}`).toThrow();
      if (how === "the power fails") fs.losePower();

      const warnings: string[] = [];
      const generations = new Generations(realFileSystem, folder, kind);
      generations.clean();
      const loaded = generations.loadNewest<{ round: number }>(readers[kind], (sentence) =>
        warnings.push(sentence),
      );

      const round = loaded?.round ?? -1;
      expect([3, 4]).toContain(round);
      expect(loaded).toEqual(samples[kind](round));
      expect(warnings).toEqual([]);
      expect(readdirSync(folder).filter((name) => !name.endsWith(".klatch"))).toEqual([]);
      seen.add(round);
    }

    // Crashes before the rename show the old generation, later ones the new: both must have occurred.
    expect([...seen].sort()).toEqual([3, 4]);
  },
);

test("a crash in the middle of a commit leaves no checkpoint without the record of its round", () => {
  const whole = new FailingFileSystem(Number.POSITIVE_INFINITY);
  commitInto(join(temporaryFolder(), "control"), whole);
  const seen = new Set<string>();

  for (let crashAt = 0; crashAt < whole.count; crashAt++) {
    const folder = join(temporaryFolder(), String(crashAt));
    expect(() => commitInto(folder, new FailingFileSystem(crashAt))).toThrow();
    const store = openStore(folder);
    const checkpoint = store.loadCheckpoint(RUN)?.checkpoint.round ?? 0;
    const records = store.rounds(RUN, 10).map(({ round }) => round);
    store.close();

    expect(records.slice(0, checkpoint)).toEqual([0, 1].slice(0, checkpoint));
    seen.add(`${checkpoint} of ${records.length}`);
  }

  // Killed between the two, the record is there before its checkpoint.
  expect([...seen].sort()).toEqual(["0 of 0", "0 of 1", "1 of 1", "1 of 2", "2 of 2"]);
});

function commitInto(folder: string, fs: FailingFileSystem): void {
  const store = openStore(folder, { fs });
  try {
    for (const round of [0, 1]) store.commitRound(sampleCheckpoint(round + 1), sampleRound(round));
  } finally {
    store.close();
  }
}

test("a save that returned is there after a power failure at once", () => {
  const folder = join(temporaryFolder(), "node");
  const fs = new FailingFileSystem(Number.POSITIVE_INFINITY);
  const first = openStore(folder, { fs });
  first.commitRound(sampleCheckpoint(4), sampleRound(3));
  first.close();
  fs.losePower();

  const store = openStore(folder);
  const loaded = store.loadCheckpoint(RUN);
  store.close();

  expect(loaded).toEqual({ checkpoint: sampleCheckpoint(4), warning: null });
});

test("the failing file system does lose what was not synced, so that the tests above can fail", () => {
  const folder = temporaryFolder();
  const fs = new FailingFileSystem(Number.POSITIVE_INFINITY);
  const handle = fs.openSync(join(folder, "a"), "w");
  fs.writeSync(handle, Buffer.from("12345678"), 0, 8);
  fs.closeSync(handle);
  fs.renameSync(join(folder, "a"), join(folder, "b"));
  fs.losePower();

  expect(readdirSync(folder)).toEqual(["a"]);
  expect(() => new FailingFileSystem(0).openSync(folder, "r")).toThrow(Crash);
});
