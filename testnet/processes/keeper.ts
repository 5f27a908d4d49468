/**
 * The process behind `klatch testnet up`: starts the peers of the options in a folder, keeps them, and stops them when
 * asked by a file. It renews its state file every second; when it dies, its peers stop by themselves.
 */
import { existsSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../../src/errors.ts";
import { keepProcessPrivate } from "../../src/node/process/private-process.ts";
import { prepareData } from "../data/run-data.ts";
import { parseOptions } from "../options.ts";
import { failureOf, launchFleet, type Member, stopFleet } from "./fleet.ts";
import { createIdentities } from "./peer-config.ts";
import { type KeeperState, optionsFile, stateFile, stopFile, writeState } from "./state-file.ts";

const RENEW_MS = 500;

keepProcessPrivate();
const folder = process.argv[2] ?? "";
const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => stopping.abort(new Error(`stopped by ${name}`)));
}

const state: KeeperState = {
  state: "starting",
  startedAt: new Date().toISOString(),
  pid: process.pid,
  peers: [],
  failure: null,
};

async function keep(): Promise<void> {
  writeState(folder, state);
  const renewal = setInterval(renew, RENEW_MS);
  try {
    const options = parseOptions(JSON.parse(readFileSync(optionsFile(folder), "utf8")));
    const data = await prepareData(options, folder);
    const ids = await createIdentities(data.peers);
    const members = await launchFleet(options, data, ids, stopping.signal);
    try {
      writeState(folder, { ...state, state: "running", peers: members.map(peerOf) });
      await watch(members);
    } finally {
      await stopFleet(members);
    }
    rmSync(stateFile(folder), { force: true });
  } catch (error) {
    if (stopping.signal.aborted) rmSync(stateFile(folder), { force: true });
    else writeState(folder, { ...state, state: "failed", failure: describe(error) });
  } finally {
    clearInterval(renewal);
    rmSync(stopFile(folder), { force: true });
  }
}

/** Shows that the keeper lives, and listens for the request to stop. */
function renew(): void {
  const now = new Date();
  utimesSync(stateFile(folder), now, now);
  if (existsSync(stopFile(folder))) stopping.abort(new Error("asked to stop"));
}

/** Until asked to stop; notes peers that went down. */
async function watch(members: readonly Member[]): Promise<void> {
  let down = 0;
  while (!stopping.signal.aborted) {
    const now = members.filter((member) => member.process.exit !== null).length;
    if (now !== down) {
      down = now;
      writeState(folder, { ...state, state: "running", peers: members.map(peerOf) });
    }
    await delay(RENEW_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
}

function peerOf(member: Member): KeeperState["peers"][number] {
  const { index, id, label, role, address, statusPort, folder: own } = member.plan;
  const exit = member.process.exit === null ? null : failureOf(member).message;
  return { index, id, label, role, address, statusPort, folder: own, exit };
}

function describe(error: unknown): KeeperState["failure"] {
  if (error instanceof KlatchError) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "internal", message, hint: "See the logs in the testnet's folder." };
}

await keep();
