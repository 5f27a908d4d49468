import { spawnSync } from "node:child_process";
import { utimesSync } from "node:fs";
import { expect, test } from "vitest";
import { readState, stateFile, writeState } from "../../../../testnet/processes/state-file.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

/** A folder with the state that a keeper wrote `age` seconds ago. */
function keptFolder(pid: number, age: number): string {
  const folder = temporaryFolder();
  const startedAt = new Date().toISOString();
  writeState(folder, {
    state: "running",
    startedAt,
    pid,
    page: null,
    peers: [],
    incidents: [],
    failure: null,
  });
  const then = new Date(Date.now() - age * 1000);
  utimesSync(stateFile(folder), then, then);
  return folder;
}

test("a testnet is kept while its keeper runs and renews the state", () => {
  expect(readState(keptFolder(process.pid, 0))).toMatchObject({ isKept: true });
});

test("and no longer when the state grows old: the process of that id is another's", () => {
  expect(readState(keptFolder(process.pid, 60))).toMatchObject({ isKept: false });
});

test("nor when the keeper is gone, however young the state is", () => {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  expect(readState(keptFolder(pid, 0))).toMatchObject({ isKept: false });
});

test("a folder without a state has no testnet", () => {
  expect(readState(temporaryFolder())).toBeNull();
});
