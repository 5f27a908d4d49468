import * as realFs from "node:fs";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { PastRuns } from "../../../../src/node/past/past-runs.ts";
import type { Store } from "../../../../src/node/store/contract.ts";
import type { FileSystem } from "../../../../src/node/store/file-system.ts";
import { LedgerFile } from "../../../../src/node/store/ledger.ts";
import { openStore, type StoreDeps } from "../../../../src/node/store/store.ts";
import type { Evidence } from "../../../../src/types.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import {
  OTHER_RUN,
  PEERS,
  RUN,
  sampleCheckpoint,
  sampleRound,
  sampleUpdate,
} from "../node-samples.ts";

function open(folder: string, deps: StoreDeps = {}): Store {
  const store = openStore(folder, deps);
  onTestFinished(() => store.close());
  return store;
}

const runFolder = (folder: string): string => join(folder, "runs", RUN);

describe("checkpoints and own updates", () => {
  test("come back to the last bit, with sequence, step and ledger", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    store.commitRound(sampleCheckpoint(7), sampleRound(6));
    store.saveUpdate(sampleUpdate(7));

    expect(store.loadCheckpoint(RUN)).toEqual({ checkpoint: sampleCheckpoint(7), warning: null });
    expect(store.loadUpdate(RUN, 7)).toEqual(sampleUpdate(7));
  });

  test("of another run or round are not there", () => {
    const store = open(temporaryFolder());
    store.commitRound(sampleCheckpoint(7), sampleRound(6));
    store.saveUpdate(sampleUpdate(7));

    expect(store.loadCheckpoint(OTHER_RUN)).toBeNull();
    expect(store.loadUpdate(RUN, 8)).toBeNull();
    expect(store.loadUpdate(OTHER_RUN, 7)).toBeNull();
  });

  test("keep special values: NaN, infinities, negative zero, subnormals; a loss that is no number", () => {
    const store = open(temporaryFolder());
    const adapter = Float32Array.of(Number.NaN, -0, 1e-45, Number.POSITIVE_INFINITY, -3.4e38);
    store.saveUpdate({ ...sampleUpdate(1), adapter, trainLoss: Number.NaN });

    const update = store.loadUpdate(RUN, 1);

    expect(update?.adapter).toEqual(adapter);
    expect(update?.trainLoss).toBeNaN();
  });

  test("are views into larger arrays without harm", () => {
    const store = open(temporaryFolder());
    const adapter = Float32Array.of(9, 1, 2, 3, 9).subarray(1, 4);
    store.commitRound({ ...sampleCheckpoint(1), adapter }, sampleRound(0));

    expect(store.loadCheckpoint(RUN)?.checkpoint.adapter).toEqual(Float32Array.of(1, 2, 3));
  });

  test("the last three generations are kept, files are 0600 and folders 0700", () => {
    const folder = join(temporaryFolder(), "node");
    const store = open(folder);
    for (let round = 1; round <= 6; round++)
      store.commitRound(sampleCheckpoint(round), sampleRound(round - 1));

    expect(readdirSync(runFolder(folder)).sort()).toEqual([
      "checkpoint-00000004.klatch",
      "checkpoint-00000005.klatch",
      "checkpoint-00000006.klatch",
    ]);
    const modes = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => {
      const status = statSync(join(folder, name));
      return [status.isDirectory() ? "folder" : "file", (status.mode & 0o777).toString(8)].join(
        " ",
      );
    });
    expect([...new Set(modes)].sort()).toEqual(["file 600", "folder 700"]);
    expect((statSync(folder).mode & 0o777).toString(8)).toBe("700");
  });
});

describe("damage", () => {
  test("of the newest checkpoint: the one before is taken, with a warning that says so", () => {
    const folder = temporaryFolder();
    const warnings: string[] = [];
    const store = open(folder, { warn: (sentence) => warnings.push(sentence) });
    for (const round of [1, 2, 3])
      store.commitRound(sampleCheckpoint(round), sampleRound(round - 1));
    damage(join(runFolder(folder), "checkpoint-00000003.klatch"));

    const loaded = store.loadCheckpoint(RUN);

    expect(loaded?.checkpoint).toEqual(sampleCheckpoint(2));
    expect(loaded?.warning).toMatch(/checkpoint-00000003.*damaged.*checksum.*after round 2/);
    expect(warnings.join()).toContain("checkpoint-00000003");
    expect(store.loadCheckpoint(RUN)).toEqual({ checkpoint: sampleCheckpoint(2), warning: null });
  });

  test("of every checkpoint: an error, now and ever after, and never a fresh beginning in silence", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    for (const round of [1, 2]) store.commitRound(sampleCheckpoint(round), sampleRound(round - 1));
    for (const name of readdirSync(runFolder(folder))) damage(join(runFolder(folder), name));

    for (let attempt = 0; attempt < 2; attempt++) {
      expect(() => store.loadCheckpoint(RUN)).toThrow(
        expect.objectContaining({ code: "disk", message: expect.stringContaining("no intact") }),
      );
    }
  });

  test("of an own update: it is put aside and missing", () => {
    const folder = temporaryFolder();
    const warnings: string[] = [];
    const store = open(folder, { warn: (sentence) => warnings.push(sentence) });
    store.saveUpdate(sampleUpdate(3));
    damage(join(runFolder(folder), "update-00000003.klatch"));

    expect(store.loadUpdate(RUN, 3)).toBeNull();
    expect(warnings).toHaveLength(1);
    expect(readdirSync(runFolder(folder))).toEqual(["update-00000003.klatch.damaged"]);
  });

  test("a file under another's name is not taken for it", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    for (const round of [1, 2]) store.commitRound(sampleCheckpoint(round), sampleRound(round - 1));
    const path = (round: number) => join(runFolder(folder), `checkpoint-0000000${round}.klatch`);
    writeFileSync(path(2), readFileSync(path(1)));

    expect(store.loadCheckpoint(RUN)?.checkpoint.round).toBe(1);
  });

  test("reading beside a running node changes nothing", () => {
    const folder = temporaryFolder();
    const store = open(folder);
    for (const round of [1, 2]) store.commitRound(sampleCheckpoint(round), sampleRound(round - 1));
    damage(join(runFolder(folder), "checkpoint-00000002.klatch"));
    const before = readdirSync(runFolder(folder));
    const warnings: string[] = [];

    const runs = new PastRuns(folder, (sentence) => warnings.push(sentence));
    onTestFinished(() => runs.close());

    expect(runs.checkpoint(RUN, null)).toEqual(sampleCheckpoint(1));
    expect(warnings).toHaveLength(1);
    expect(readdirSync(runFolder(folder))).toEqual(before);
  });

  test("of the ledger: it is put aside and begun anew, and the checkpoint is not lost", () => {
    const folder = temporaryFolder();
    const first = openStore(folder);
    first.commitRound(sampleCheckpoint(1), sampleRound(0));
    first.close();
    writeFileSync(
      join(folder, "ledger.sqlite"),
      "this is no database, but long enough".repeat(100),
    );
    const warnings: string[] = [];

    const store = open(folder, { warn: (sentence) => warnings.push(sentence) });

    expect(warnings.join()).toMatch(/ledger\.sqlite is damaged/);
    expect(existsSync(join(folder, "ledger.sqlite.damaged"))).toBe(true);
    expect(store.rounds(RUN, 10)).toEqual([]);
    expect(store.loadCheckpoint(RUN)?.checkpoint).toEqual(sampleCheckpoint(1));
    store.commitRound(sampleCheckpoint(1), sampleRound(0));
    expect(store.rounds(RUN, 10)).toEqual([sampleRound(0)]);
  });
});

describe("the ledger", () => {
  test("gives the last rounds in order, each once, run by run, and survives a restart", () => {
    const folder = temporaryFolder();
    const first = openStore(folder);
    for (const round of [0, 1, 2]) {
      first.commitRound(sampleCheckpoint(round + 1), sampleRound(round));
    }
    first.commitRound(sampleCheckpoint(3), { ...sampleRound(2), bytesSent: 99 });
    first.commitRound({ ...sampleCheckpoint(1), run: OTHER_RUN }, sampleRound(0));
    first.close();
    const store = open(folder);

    expect(store.rounds(RUN, 2)).toEqual([sampleRound(1), { ...sampleRound(2), bytesSent: 99 }]);
    expect(store.rounds(OTHER_RUN, 10)).toHaveLength(1);
  });

  test("keeps evidence in order", () => {
    const store = open(temporaryFolder());
    for (const round of [0, 1, 2, 3]) store.appendEvidence(RUN, lateIn(round));

    expect(store.evidence(RUN, 3)).toEqual([lateIn(1), lateIn(2), lateIn(3)]);
    expect(store.evidence(OTHER_RUN, 3)).toEqual([]);
  });

  test("forgets the oldest records beyond its bounds", () => {
    const path = join(temporaryFolder(), "ledger.sqlite");
    const ledger = new LedgerFile(path, () => undefined, { rounds: 2, evidence: 3 });
    onTestFinished(() => ledger.close());
    for (let round = 0; round < 6; round++) {
      ledger.appendRound(RUN, sampleRound(round));
      ledger.appendEvidence(RUN, lateIn(round));
    }

    expect(ledger.rounds(RUN, 10).map(({ round }) => round)).toEqual([4, 5]);
    expect(ledger.evidence(RUN, 10)).toEqual([lateIn(3), lateIn(4), lateIn(5)]);
  });

  test("keeps the final result", () => {
    const store = open(temporaryFolder());
    const evaluation = { loss: 1.2, perplexity: 3.3, exactMatch: 0.5, tokens: 9, examples: 2 };
    store.saveResult(RUN, { rounds: 3, evaluation: null });
    store.saveResult(RUN, { rounds: 4, evaluation });

    expect(store.loadResult(RUN)).toEqual({ rounds: 4, evaluation });
    expect(store.loadResult(OTHER_RUN)).toBeNull();
  });
});

describe("a disk that fails", () => {
  test.each([
    ["ENOSPC", "disk", /free some space/],
    ["EROFS", "disk", /read-only/],
    ["EIO", "disk", /fault/],
    ["EACCES", "permission", /owner/],
  ])(
    "%s while a checkpoint is written becomes %s, and the one before is intact",
    (code, expected, hint) => {
      const folder = temporaryFolder();
      const fs: { -readonly [K in keyof FileSystem]: FileSystem[K] } = { ...realFs };
      const store = open(folder, { fs });
      store.commitRound(sampleCheckpoint(1), sampleRound(0));
      fs.writeSync = () => {
        throw Object.assign(new Error(code), { code });
      };

      expect(() => store.commitRound(sampleCheckpoint(2), sampleRound(1))).toThrow(
        expect.objectContaining({ code: expected, hint: expect.stringMatching(hint) }),
      );

      fs.writeSync = realFs.writeSync;
      expect(store.loadCheckpoint(RUN)?.checkpoint).toEqual(sampleCheckpoint(1));
      expect(readdirSync(runFolder(folder))).toEqual(["checkpoint-00000001.klatch"]);
      store.commitRound(sampleCheckpoint(2), sampleRound(1));
      expect(store.loadCheckpoint(RUN)?.checkpoint).toEqual(sampleCheckpoint(2));
    },
  );

  test("a folder that others may read is told, not hidden", () => {
    const folder = temporaryFolder();
    realFs.chmodSync(folder, 0o755);
    const warnings: string[] = [];

    open(folder, { warn: (sentence) => warnings.push(sentence) });

    expect(warnings.join()).toContain("chmod 700");
  });
});

function lateIn(round: number): Evidence {
  return { peer: PEERS[1], round, kind: "late", at: round };
}

function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
