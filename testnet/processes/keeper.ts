/**
 * The process behind `klatch testnet up`: starts the peers of the options in a folder, keeps them, and stops them when
 * asked by a file. It renews its state file every second; when it dies, its peers stop by themselves.
 */
import { existsSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../../src/errors.ts";
import { keepProcessPrivate } from "../../src/node/process/private-process.ts";
import { toldRecord } from "../../src/node/records/told.ts";
import { prepareData } from "../data/run-data.ts";
import { parseOptions, type TestnetOptions } from "../options.ts";
import { openPage } from "../page/page-server.ts";
import { befall } from "./chaos.ts";
import { failureOf, type Member, pollFleet } from "./fleet.ts";
import { type Network, openNetwork } from "./network.ts";
import { answerRequests } from "./requests.ts";
import { type KeeperState, optionsFile, stateFile, stopFile, writeState } from "./state-file.ts";
import type { Incident } from "./troubles.ts";

const RENEW_MS = 500;
/** Incidents that are kept; the newest. */
const INCIDENTS_MAX = 200;

keepProcessPrivate();
const folder = process.argv[2] ?? "";
const stopping = new AbortController();
const incidents: Incident[] = [];
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => stopping.abort(new Error(`stopped by ${name}`)));
}

const state: KeeperState = {
  state: "starting",
  startedAt: new Date().toISOString(),
  pid: process.pid,
  page: null,
  peers: [],
  incidents: [],
  failure: null,
};

async function keep(): Promise<void> {
  writeState(folder, state);
  const renewal = setInterval(renew, RENEW_MS);
  try {
    const options = parseOptions(JSON.parse(readFileSync(optionsFile(folder), "utf8")));
    const data = await prepareData(options, folder);
    const network = await openNetwork(options, data, note, stopping.signal);
    try {
      await keepUp(network, options);
    } finally {
      await network.stop();
      network.remove();
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

function note(incident: Incident): void {
  incidents.push(incident);
  incidents.splice(0, incidents.length - INCIDENTS_MAX);
}

/** Until asked to stop: shows the network, lets its faults befall it, does what is asked for, writes down what changed. */
async function keepUp(network: Network, options: TestnetOptions): Promise<void> {
  const { members, troubles } = network;
  const page = await openPage(network, options, incidents);
  let written = "";
  try {
    while (!stopping.signal.aborted) {
      await answerRequests(folder, async (request) => note(await befall(members, request)));
      const peers = members.map(peerOf);
      const now = {
        state: "running",
        page: page.url,
        peers,
        incidents: incidents.map(toldRecord),
      } as const;
      if (JSON.stringify(now) !== written) writeState(folder, { ...state, ...now });
      written = JSON.stringify(now);
      await pollFleet(members);
      troubles.strike();
      await delay(RENEW_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  } finally {
    await page.close();
  }
}

function peerOf(member: Member): KeeperState["peers"][number] {
  const { index, id, label, role, address, site, statusPort, folder: own } = member.plan;
  const { exit: end, isPaused } = member.process;
  const exit = end === null ? null : failureOf(member).message;
  const place = { address, host: site.host, statusPort, folder: own };
  return { index, id, label, role, ...place, isPaused, exit };
}

function describe(error: unknown): KeeperState["failure"] {
  if (error instanceof KlatchError) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "internal", message, hint: "See the logs in the testnet's folder." };
}

await keep();
