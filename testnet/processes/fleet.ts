import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ErrorCode, EXIT_CODES, KlatchError } from "../../src/errors.ts";
import type { NodeStatus } from "../../src/node/records/records.ts";
import { UNDISGUISED } from "../attacks/attack.ts";
import { ATTACKS } from "../attacks/catalogue.ts";
import type { RunData } from "../data/run-data.ts";
import { attackersOf, type TestnetOptions } from "../options.ts";
import { entryFile } from "./entry-file.ts";
import { LOOPBACK, type PeerPlan, planPeers, type Site } from "./peer-config.ts";
import { PeerProcess } from "./peer-process.ts";
import { readStatus } from "./peer-status.ts";

/** How often the peers are asked for their state, ms. */
export const POLL_MS = 400;
/**
 * Longest time from the start of a process to its first answer, s; loading a model on a loaded machine takes its
 * time.
 */
const START_SECONDS = 180;
/** Choices of ports before giving up. */
const ATTEMPTS_MAX = 4;

/** One peer of the running network. */
export interface Member {
  readonly plan: PeerPlan;
  readonly process: PeerProcess;
  /** Its last answer; null before the first. */
  status: NodeStatus | null;
  /** Whether it answered the last time it was asked. */
  answers: boolean;
  /** How often it was killed on purpose. */
  kills: number;
  /** Whether it may be down: it was killed, or its disk is full. */
  mayBeDown: boolean;
}

/**
 * Starts one process per peer, but for those that come late, and waits until all answer; with new ports where others took
 * one meanwhile.
 */
export async function launchFleet(
  options: TestnetOptions,
  data: RunData,
  ids: readonly string[],
  signal: AbortSignal,
  {
    late = [],
    siteOf = () => LOOPBACK,
  }: {
    readonly late?: readonly number[];
    readonly siteOf?: (index: number) => Site;
  } = {},
): Promise<Member[]> {
  for (let attempt = 1; ; attempt++) {
    const plans = await planPeers(options, data, ids, siteOf);
    const members = plans.map((plan) => createMember(plan, options));
    try {
      const first = members.filter(({ plan }) => !late.includes(plan.index));
      for (const member of first) member.process.start();
      await allAnswer(first, signal);
      return members;
    } catch (error) {
      await stopFleet(members);
      const isRace = error instanceof KlatchError && error.code === "network";
      if (!isRace || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

/** Stops every process and waits until all are gone. */
export async function stopFleet(members: readonly Member[]): Promise<void> {
  await Promise.all(members.map((member) => member.process.stop()));
}

/** Asks every peer for its state. */
export async function pollFleet(members: readonly Member[]): Promise<void> {
  await Promise.all(
    members.map(async (member) => {
      // what is suspended answers nobody, and would be waited for
      if (member.process.isPaused) {
        member.answers = false;
        return;
      }
      const status = await readStatus(member.plan);
      member.answers = status !== null;
      member.status = status === null ? member.status : withLosses(status, member.status);
    }),
  );
}

/** The error for a peer that went down on its own, with what it said last. */
export function failureOf(member: Member): KlatchError {
  const { exit, logFile } = member.process;
  const how = exit?.signal ? `by ${exit.signal}` : `with exit code ${exit?.code ?? "unknown"}`;
  const code = Object.entries(EXIT_CODES).find(([, value]) => value === exit?.code)?.[0];
  return new KlatchError(
    (code ?? "internal") as ErrorCode,
    `peer ${member.plan.index + 1} stopped ${how}: ${lastWords(member)}`,
    `Its log is ${logFile}.`,
  );
}

/** Where a peer's output goes. */
export function logFileOf(peerFolder: string): string {
  return join(peerFolder, "log.txt");
}

// --- internal ---

/** A node that was started again has no losses to show before its next round: then the last ones stay. */
function withLosses(status: NodeStatus, before: NodeStatus | null): NodeStatus {
  return {
    ...status,
    trainLoss: status.trainLoss ?? before?.trainLoss ?? null,
    heldOutLoss: status.heldOutLoss ?? before?.heldOutLoss ?? null,
  };
}

function createMember(plan: PeerPlan, options: TestnetOptions): Member {
  const isOrdinary = plan.role === "honest" || ATTACKS[plan.role].disguise === UNDISGUISED;
  const process = new PeerProcess({
    enter: plan.site.enter,
    script: entryFile(isOrdinary ? "../../src/node/cli" : "./attacker"),
    args: isOrdinary
      ? ["start", "--config", plan.configFile]
      : [
          ...[plan.configFile, plan.role, String(options.seed), String(plan.index)],
          ...[String(attackersOf(options)), join(plan.folder, "..", "collusion")],
        ],
    cwd: plan.folder,
    logFile: logFileOf(plan.folder),
    clockShiftMs: 1000 * (options.clocks[plan.index + 1] ?? 0),
  });
  return { plan, process, status: null, answers: false, kills: 0, mayBeDown: false };
}

async function allAnswer(members: readonly Member[], signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  while (members.some((member) => member.status === null)) {
    signal.throwIfAborted();
    await pollFleet(members.filter((member) => member.status === null));
    const fallen = members.find((member) => member.process.exit !== null);
    if (fallen !== undefined) throw failureOf(fallen);
    const silent = members.find((member) => member.status === null);
    if (silent !== undefined && Date.now() > deadline) {
      throw new KlatchError(
        "internal",
        `peer ${silent.plan.index + 1} did not answer within ${START_SECONDS} s`,
        `Its log is ${silent.process.logFile}.`,
      );
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

/** The last line of a log that says something to a person; a JSON line gives its message. */
function lastWords(member: Member): string {
  const lines = member.process.logTail(40).filter((line) => !/^\s*(at |hint)/i.test(line));
  const line = lines.findLast((text) => /error/i.test(text)) ?? lines.at(-1) ?? "it logged nothing";
  return /^\{.*"msg":"([^"]*)"/.exec(line)?.[1] ?? line.replace(/^error: /, "");
}
