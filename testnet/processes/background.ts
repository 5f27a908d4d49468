import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ErrorCode, EXIT_CODES, KlatchError } from "../../src/errors.ts";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { toldStatus } from "../../src/node/records/told.ts";
import { parseOptions, type TestnetInput } from "../options.ts";
import { makeWorkingFolder, withPaths } from "../working-folder.ts";
import { entryFile } from "./entry-file.ts";
import { readStatus } from "./peer-status.ts";
import { type KeeperState, optionsFile, readState, stateFile, stopFile } from "./state-file.ts";

/** Where a background testnet lies unless told otherwise. */
const DEFAULT_FOLDER = ".klatch-testnet";

const POLL_MS = 250;
/** Longest start and longest stop of a whole network, s. */
const UP_SECONDS = 240;
const DOWN_SECONDS = 60;

/** A background testnet as `status` shows it. */
export interface TestnetState {
  readonly folder: string;
  readonly state: KeeperState["state"] | "abandoned";
  readonly startedAt: string;
  readonly pid: number;
  readonly peers: readonly (KeeperState["peers"][number] & {
    readonly status: NodeStatus | null;
  })[];
}

/**
 * Starts a testnet that goes on after this process has ended; resolves when every peer answers. Throws `locked` where
 * the folder has one already, and whatever kept the peers from starting.
 */
export async function upTestnet(input: TestnetInput): Promise<TestnetState> {
  const options = withPaths(parseOptions(input));
  const folder = resolve(options.folder ?? DEFAULT_FOLDER);
  prepare(folder);
  writeFileSync(optionsFile(folder), JSON.stringify(options));
  const log = openSync(join(folder, "keeper.log"), "a");
  const keeper = spawn(process.execPath, [entryFile("./keeper"), folder], {
    detached: true,
    windowsHide: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const ended = new Promise<true>((done) => keeper.once("exit", () => done(true)));
  let isGone = false;
  void ended.then(() => {
    isGone = true;
  });
  const deadline = Date.now() + UP_SECONDS * 1000;
  while (Date.now() < deadline) {
    const found = readState(folder);
    if (found?.state.state === "running") {
      keeper.unref();
      return statusTestnet(folder);
    }
    if (isGone) throw startFailure(folder);
    await delay(POLL_MS);
  }
  await downTestnet(folder);
  throw new KlatchError(
    "internal",
    `the testnet did not start within ${UP_SECONDS} s`,
    `See the logs in ${folder}.`,
  );
}

/** The background testnet of a folder with each peer's own status; throws `usage` where there is none. */
export async function statusTestnet(path: string = DEFAULT_FOLDER): Promise<TestnetState> {
  const folder = resolve(path);
  const { state, isKept } = stateOf(folder);
  const statuses = await Promise.all(state.peers.map((peer) => readStatus(peer.statusPort)));
  const { startedAt, pid } = state;
  return {
    folder,
    state: isKept ? state.state : "abandoned",
    startedAt,
    pid,
    peers: state.peers.map((peer, index) => {
      const status = statuses[index];
      return { ...peer, status: status ? toldStatus(status) : null };
    }),
  };
}

/**
 * Stops a background testnet; resolves when no process and no port of it is left. Throws `usage` where there is none.
 */
export async function downTestnet(
  path: string = DEFAULT_FOLDER,
): Promise<{ readonly folder: string; readonly stopped: number }> {
  const folder = resolve(path);
  const { state } = stateOf(folder);
  writeFileSync(stopFile(folder), "");
  const deadline = Date.now() + DOWN_SECONDS * 1000;
  while (existsSync(stateFile(folder)) && readState(folder)?.isKept === true) {
    if (Date.now() > deadline) throw stuck(folder);
    await delay(POLL_MS);
  }
  // A keeper that died renews nothing; its peers have stopped, or are about to.
  while (
    (await Promise.all(state.peers.map((peer) => readStatus(peer.statusPort)))).some(Boolean)
  ) {
    if (Date.now() > deadline) throw stuck(folder);
    await delay(POLL_MS);
  }
  rmSync(stateFile(folder), { force: true });
  rmSync(stopFile(folder), { force: true });
  return { folder, stopped: state.peers.length };
}

// --- internal ---

function prepare(folder: string): void {
  if (readState(folder)?.isKept === true) {
    throw new KlatchError(
      "locked",
      `a testnet is up in ${folder}`,
      "Stop it with klatch testnet down, or name another --folder.",
    );
  }
  rmSync(stateFile(folder), { force: true });
  rmSync(stopFile(folder), { force: true });
  makeWorkingFolder(folder);
}

function stateOf(folder: string): NonNullable<ReturnType<typeof readState>> {
  const found = readState(folder);
  if (found !== null) return found;
  throw new KlatchError(
    "usage",
    `no testnet is up in ${folder}`,
    "Start one with klatch testnet up, or name its --folder.",
  );
}

function startFailure(folder: string): KlatchError {
  const failure = readState(folder)?.state.failure;
  if (!failure) {
    return new KlatchError(
      "internal",
      "the testnet stopped at once",
      `See ${join(folder, "keeper.log")}.`,
    );
  }
  const code = failure.code in EXIT_CODES ? (failure.code as ErrorCode) : "internal";
  return new KlatchError(code, failure.message, failure.hint);
}

function stuck(folder: string): KlatchError {
  return new KlatchError(
    "internal",
    `the testnet in ${folder} did not stop within ${DOWN_SECONDS} s`,
    "Its peers' process ids are in their folders (lock.pid).",
  );
}
