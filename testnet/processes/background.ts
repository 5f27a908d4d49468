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
import { type LoggedPeer, Logs } from "./logs.ts";
import { readStatus, urlOf } from "./peer-status.ts";
import { askKeeper, type ChaosRequest } from "./requests.ts";
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
  /** The page of the whole network. */
  readonly page: string | null;
  readonly incidents: KeeperState["incidents"];
  readonly peers: readonly (KeeperState["peers"][number] & {
    /** Its status endpoint, and its dashboard. */
    readonly url: string;
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
  const statuses = await Promise.all(state.peers.map(statusOf));
  const { startedAt, pid, page, incidents } = state;
  return {
    folder,
    state: isKept ? state.state : "abandoned",
    startedAt,
    pid,
    page,
    incidents,
    peers: state.peers.map((peer, index) => {
      const status = statuses[index];
      const url = urlOf({ site: peer, ...peer });
      return { ...peer, url, status: status ? toldStatus(status) : null };
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
  while ((await Promise.all(state.peers.map(statusOf))).some(Boolean)) {
    if (Date.now() > deadline) throw stuck(folder);
    await delay(POLL_MS);
  }
  rmSync(stateFile(folder), { force: true });
  rmSync(stopFile(folder), { force: true });
  return { folder, stopped: state.peers.length };
}

/** The address of the page of a background testnet; throws `usage` where there is none. */
export function pageOfTestnet(path: string = DEFAULT_FOLDER): string {
  const { folder, state } = keptFolder(path);
  if (state.page !== null) return state.page;
  throw new KlatchError("usage", `the testnet in ${folder} is ${state.state}`, "Ask again later.");
}

/** Does something to a peer of a background testnet; resolves when it is done. */
export async function chaosTestnet(
  request: ChaosRequest,
  path: string = DEFAULT_FOLDER,
): Promise<void> {
  await askKeeper(keptFolder(path).folder, request);
}

/**
 * Tells the last lines of the logs of a background testnet, of all peers or of one, and what comes after them until it is
 * down or the signal comes. Throws `usage` for a peer that there is not.
 */
export async function logsOfTestnet(
  write: (peer: LoggedPeer, line: string) => void,
  choice: { readonly peer: number | null; readonly lines: number; readonly follow: boolean },
  signal: AbortSignal,
  path: string = DEFAULT_FOLDER,
): Promise<void> {
  const { folder, state } = choice.follow ? keptFolder(path) : knownFolder(path);
  const peers = state.peers.filter(({ index }) => (choice.peer ?? index + 1) === index + 1);
  if (peers.length === 0) {
    throw new KlatchError(
      "usage",
      `there is no peer ${choice.peer} among ${state.peers.length}`,
      "See klatch testnet status.",
    );
  }
  const logs = new Logs(peers, write);
  logs.tell(choice.lines);
  if (choice.follow) await logs.follow(() => readState(folder)?.isKept === true, signal);
}

// --- internal ---

function statusOf(peer: KeeperState["peers"][number]): Promise<NodeStatus | null> {
  return peer.isPaused ? Promise.resolve(null) : readStatus({ site: peer, ...peer });
}

function knownFolder(path: string): { readonly folder: string; readonly state: KeeperState } {
  const folder = resolve(path);
  return { folder, state: stateOf(folder).state };
}

/** Of a testnet that is up: throws `usage` for one whose keeper is gone. */
function keptFolder(path: string): ReturnType<typeof knownFolder> {
  const folder = resolve(path);
  const { state, isKept } = stateOf(folder);
  if (isKept) return { folder, state };
  throw new KlatchError(
    "usage",
    `the testnet in ${folder} has no keeper any more`,
    "Clear it away with klatch testnet down.",
  );
}

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
