import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { RoundRecord } from "../../src/node/records/records.ts";
import { openStore } from "../../src/node/store/store.ts";
import { prepareData } from "../../testnet/data/run-data.ts";
import { TwoNetworks } from "../../testnet/namespaces/two-networks.ts";
import type { TestnetOptions } from "../../testnet/options.ts";
import {
  launchFleet,
  type Member,
  POLL_MS,
  pollFleet,
  stopFleet,
} from "../../testnet/processes/fleet.ts";
import { createIdentities, dataFolder } from "../../testnet/processes/peer-config.ts";
import { createRandom } from "../../testnet/random.ts";
import { type EndedRound, endOf, isOver } from "../hospital/ended.ts";

/** What was on its way when the networks parted may still end a round; later nothing may. */
const IN_FLIGHT_MS = 2000;
const ROUNDS_MAX = 10_000;

/** How a network is parted. */
export interface Parting {
  /** Peers on the larger side: the first ones. */
  readonly larger: number;
  /** Rounds that end before. */
  readonly after: number;
  /** For as long as so many rounds took before. */
  readonly rounds: number;
}

/** Mean loss of a side's peers on examples of their own, which they do not train on, of the state that all agreed on. */
interface SideLosses {
  /** When the networks parted, when the round that was open ended, and one and two rounds later. */
  readonly before: number;
  readonly openEnded: number;
  readonly roundLater: number;
  readonly twoLater: number;
}

/** What came of a run. */
export interface PartedRun {
  readonly certified: number;
  readonly aborted: readonly string[];
  /** Different adapters at the end: 1 is right. */
  readonly digests: number;
  /** Heights at which two final blocks exist: 0 is right. */
  readonly conflicts: number;
  /** Rounds that ended while no side had a quorum, but for what was on its way: 0 is right. */
  readonly endedApart: number;
  /** The round that was open when the networks were joined again, from 1. */
  readonly openRound: number;
  readonly secondsApart: number;
  /** Of a round before, and from the joining until the last peer had the end of the open round, and of the two after. */
  readonly roundSeconds: number;
  readonly secondsToOneState: number;
  readonly secondsToThird: number;
  readonly larger: SideLosses;
  readonly smaller: SideLosses;
  /** On the common test set. */
  readonly loss: number | null;
  readonly counted: number;
  readonly seconds: number;
}

/** Runs real peers in two networks that are parted for some rounds, then to the end. */
export async function runParted(
  options: TestnetOptions & { readonly folder: string },
  parting: Parting,
  say: (text: string) => void,
): Promise<PartedRun> {
  const { folder, timeLimitSeconds } = options;
  mkdirSync(folder, { recursive: true });
  const networks = new TwoNetworks();
  try {
    const data = await prepareData(options, folder);
    const ids = await createIdentities(data.peers);
    const siteOf = (index: number) => networks.sites[index < parting.larger ? 0 : 1];
    const signal = new AbortController().signal;
    const members = await launchFleet(options, data, ids, signal, { siteOf });
    const startedAt = Date.now();
    const deadline = startedAt + timeLimitSeconds * 1000;
    const until = (isReached: () => boolean) => pollUntil(members, isReached, deadline);
    let apart: Apart;
    try {
      const roundMs = await roundBefore(until, members, parting.after);
      await delay(createRandom(options.seed, "partition")() * roundMs);
      apart = { from: Date.now(), until: 0, roundMs };
      networks.part();
      say(`round ${roundOf(members) + 1}: parted for ${seconds(parting.rounds * roundMs)} s`);
      const end = apart.from + parting.rounds * roundMs;
      await until(() => Date.now() >= end);
      networks.join();
      apart = { ...apart, until: Date.now() };
      say(`round ${roundOf(members) + 1}: joined`);
      await until(() => members.every(isOver));
    } finally {
      await stopFleet(members);
    }
    return { ...outcomeOf(members, parting, apart), seconds: seconds(Date.now() - startedAt) };
  } finally {
    networks.remove();
  }
}

// --- internal ---

/** When the networks were apart, and how long a round took before. */
interface Apart {
  readonly from: number;
  readonly until: number;
  readonly roundMs: number;
}

/** Waits for some rounds to end; how long the last of them took, which is after the slow first one. */
async function roundBefore(
  until: (isReached: () => boolean) => Promise<void>,
  members: readonly Member[],
  after: number,
): Promise<number> {
  await until(() => roundOf(members) >= after - 1);
  const from = Date.now();
  await until(() => roundOf(members) >= after);
  return Date.now() - from;
}

async function pollUntil(
  members: readonly Member[],
  isReached: () => boolean,
  deadline: number,
): Promise<void> {
  while (!isReached() && Date.now() < deadline) {
    await pollFleet(members);
    await delay(POLL_MS);
  }
}

/** The newest round that a peer is in, from 0. */
function roundOf(members: readonly Member[]): number {
  return Math.max(...members.map(({ status }) => status?.round ?? 0));
}

function outcomeOf(
  members: readonly Member[],
  { larger }: Parting,
  apart: Apart,
): Omit<PartedRun, "seconds"> {
  const { run, chains, longest, certified, aborted, digests, counted, loss } = endOf(members);
  const records = members.map(({ plan }) => recordsOf(plan.folder, run));
  const ends = longest.map((_, round) => records.flatMap((each) => each[round]?.endedAt ?? []));
  const open = ends.findIndex((at) => Math.max(...at) > apart.until);
  const isApart = (at: number) => at > apart.from + IN_FLIGHT_MS && at < apart.until;
  const secondsTo = (round: number) => seconds(Math.max(...(ends[round] ?? [])) - apart.until);
  return {
    ...{ certified, aborted, digests, counted, loss },
    conflicts: longest.filter((_, height) => blocksAt(chains, height).size > 1).length,
    endedApart: ends.filter((at) => isApart(Math.min(...at))).length,
    openRound: open + 1,
    secondsApart: seconds(apart.until - apart.from),
    roundSeconds: seconds(apart.roundMs),
    secondsToOneState: secondsTo(open),
    secondsToThird: secondsTo(open + 2),
    larger: lossesOf(records.slice(0, larger), open),
    smaller: lossesOf(records.slice(larger), open),
  };
}

function blocksAt(chains: readonly (readonly EndedRound[])[], height: number) {
  return new Set(chains.flatMap((chain) => chain[height]?.block ?? []));
}

function lossesOf(records: readonly (readonly RoundRecord[])[], open: number): SideLosses {
  const after = (round: number) =>
    mean(records.map((each) => each[round]?.heldOutLoss ?? Number.NaN));
  return {
    before: after(open - 1),
    openEnded: after(open),
    roundLater: after(open + 1),
    twoLater: after(open + 2),
  };
}

/** What a peer kept of its rounds, by round. */
function recordsOf(folder: string, run: string): readonly RoundRecord[] {
  const store = openStore(dataFolder(folder));
  try {
    const byRound: RoundRecord[] = [];
    for (const record of store.rounds(run, ROUNDS_MAX)) byRound[record.round] = record;
    return byRound;
  } finally {
    store.close();
  }
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
