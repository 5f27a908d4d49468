import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadIdentity } from "../../../../src/gossip/index.ts";
import { configSchema } from "../../../../src/node/config/config.ts";
import { createStatusServer } from "../../../../src/node/http/status-server.ts";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import type { Store } from "../../../../src/node/store/contract.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import { TestProcess } from "../../../support/child-process.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { RUN, sampleCheckpoint, sampleRound, sampleSource } from "../node-samples.ts";

const HOLDER = join(import.meta.dirname, "../../../support/ledger-holder.ts");
const isWindows = process.platform === "win32";

function open(folder: string): { readonly store: Store; readonly warnings: string[] } {
  const warnings: string[] = [];
  const store = openStore(folder, { warn: (sentence) => warnings.push(sentence) });
  onTestFinished(() => store.close());
  return { store, warnings };
}

function commit(store: Store, round: number): void {
  store.commitRound(sampleCheckpoint(round + 1), sampleRound(round));
}

/** Changes the ledger behind the store's back. */
function tamper(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, "ledger.sqlite"));
  database.exec(sql);
  database.close();
}

describe("a ledger that another process holds", () => {
  test("is waited for", async () => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    const holder = new TestProcess(HOLDER, [join(folder, "ledger.sqlite"), "700"]);
    await holder.line((line) => line === "held");
    // Without patience the same is an error (control).
    expect(() => tamper(folder, "DELETE FROM rounds")).toThrow(/locked/);

    commit(store, 0);

    expect(store.rounds(RUN, 10)).toHaveLength(1);
    expect((await holder.ended()).code).toBe(0);
  });
});

describe("a damaged record of the ledger", () => {
  test.each([
    ["that is no JSON", "'{\"round\": 1, '"],
    ["that says something else", '\'{"round": "one"}\''],
  ])("%s is passed over, and that is said once", (_, record) => {
    const folder = temporaryFolder();
    const { store, warnings } = open(folder);
    for (const round of [0, 1, 2]) commit(store, round);
    tamper(folder, `UPDATE rounds SET record = ${record} WHERE round = 1`);

    expect(store.rounds(RUN, 10).map(({ round }) => round)).toEqual([0, 2]);
    expect(store.rounds(RUN, 10)).toHaveLength(2);
    expect(warnings.filter((sentence) => sentence.includes("damaged records"))).toHaveLength(1);
  });
});

describe("what lies in the place of a file", () => {
  test("a folder instead of an old checkpoint stays, and the node goes on", () => {
    const folder = temporaryFolder();
    const { store } = open(folder);
    commit(store, 0);
    const [name = ""] = readdirSync(join(folder, "runs", RUN));
    const inTheWay = join(folder, "runs", RUN, name.replace(/\d+/, "00000000"));
    mkdirSync(inTheWay);
    writeFileSync(join(inTheWay, "mine"), "");

    for (const round of [1, 2, 3, 4]) commit(store, round);

    expect(store.loadCheckpoint(RUN)?.checkpoint.round).toBe(5);
    expect(existsSync(join(inTheWay, "mine"))).toBe(true);
  });

  test("a folder instead of the newest checkpoint is put aside", () => {
    const folder = temporaryFolder();
    const { store, warnings } = open(folder);
    commit(store, 0);
    const [name = ""] = readdirSync(join(folder, "runs", RUN));
    mkdirSync(join(folder, "runs", RUN, name.replace(/\d+/, "00000009")));

    expect(store.loadCheckpoint(RUN)?.checkpoint.round).toBe(1);
    expect(warnings.join()).toContain("it is no file");
  });

  test.skipIf(isWindows)(
    "a pipe instead of ledger, lock or identity does not hang the start",
    async () => {
      const [a, b] = [temporaryFolder(), temporaryFolder()];
      for (const path of [join(a, "ledger.sqlite"), join(b, "lock.db"), join(b, "identity.json")]) {
        execFileSync("mkfifo", ["-m", "600", path]);
      }

      const { store, warnings } = open(a);
      expect(warnings.join()).toContain("it is no file");
      commit(store, 0);
      expect(() => openStore(b)).toThrow(/lock\.db/);
      await expect(loadIdentity(join(b, "identity.json"))).rejects.toThrow("is no identity file");
    },
  );
});

test.skipIf(isWindows)("a link in the place of status.json is replaced, not followed", async () => {
  const folder = temporaryFolder();
  const target = join(temporaryFolder(), "precious");
  writeFileSync(target, "precious");
  symlinkSync(target, join(folder, "status.json"));
  const source = sampleSource();
  const config = configSchema.parse({ status: { port: 0 } }).status;
  const server = createStatusServer(config, { source, metrics: createMetrics(), dataDir: folder });
  await server.start(new AbortController().signal);
  onTestFinished(() => server.stop());

  expect(readFileSync(target, "utf8")).toBe("precious");
  expect(JSON.parse(readFileSync(join(folder, "status.json"), "utf8")).url).toBe(server.url);
});
