import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../../src/errors.ts";
import type { TestnetOptions } from "../options.ts";
import type { Progress } from "../report/progress.ts";
import { failureOf, type Member, POLL_MS, pollFleet } from "./fleet.ts";

/** One peer that was killed on purpose, or fell without stopping the run. */
export interface Incident {
  readonly peer: number;
  readonly round: number;
  readonly what: string;
}

/**
 * Watches the peers until every honest one has finished, killing and restarting where the options say so; adds what
 * happens to `incidents`. Throws when an honest peer goes down on its own, when the time limit passes, or the signal's
 * reason.
 */
export async function watchFleet(
  members: readonly Member[],
  options: TestnetOptions,
  { progress, incidents }: { readonly progress: Progress; readonly incidents: Incident[] },
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + options.timeLimitSeconds * 1000;
  const fallen = new Set<Member>();
  while (!members.every(isDone)) {
    signal.throwIfAborted();
    await pollFleet(members);
    for (const member of members) {
      const incident = fallen.has(member) ? null : fallOf(member);
      if (incident === null) continue;
      fallen.add(member);
      incidents.push(incident);
      progress.note(`peer ${incident.peer}: ${incident.what}`);
    }
    const killed = options.killEach ? await killNext(members, options.rounds) : null;
    if (killed !== null) {
      incidents.push(killed);
      progress.note(`peer ${killed.peer}: ${killed.what} in round ${killed.round + 1}`);
    }
    progress.update(members);
    if (Date.now() > deadline) throw timeLimitError(members, options.timeLimitSeconds);
    await delay(POLL_MS, undefined, { signal });
  }
}

/** The round from which on a peer may be killed: one peer after the other, none before its first round is over. */
export function killRound(index: number, rounds: number): number {
  return Math.min(rounds - 1, 1 + (index % Math.max(1, rounds - 1)));
}

// --- internal ---

/** Attackers need not finish: nobody evaluates them. */
function isDone(member: Member): boolean {
  if (member.plan.role !== "honest") return true;
  return member.status?.state === "finished" && member.status.evaluation !== null;
}

/** An honest peer that fell ends the run; a fallen attacker is only noted. */
function fallOf(member: Member): Incident | null {
  if (member.process.exit === null || isFinished(member)) return null;
  const failure = failureOf(member);
  if (member.plan.role === "honest") throw failure;
  return { peer: member.plan.index + 1, round: member.status?.round ?? 0, what: failure.message };
}

function isFinished(member: Member): boolean {
  return member.status?.state === "finished";
}

/** Kills one peer that is due while all the others are up, and starts it again at once. */
async function killNext(members: readonly Member[], rounds: number): Promise<Incident | null> {
  if (members.some((member) => !member.answers)) return null;
  const due = members.find(
    ({ kills, status, plan }) =>
      kills === 0 && status?.state === "running" && status.round >= killRound(plan.index, rounds),
  );
  if (due === undefined) return null;
  const round = due.status?.round ?? 0;
  due.kills += 1;
  await due.process.kill();
  due.answers = false;
  due.process.start();
  return { peer: due.plan.index + 1, round, what: "killed with SIGKILL and started again" };
}

function timeLimitError(members: readonly Member[], seconds: number): KlatchError {
  const behind = members.find((member) => !isDone(member));
  const status = behind?.status;
  const where = status
    ? `peer ${(behind?.plan.index ?? 0) + 1} is in round ${status.round + 1} (${status.phase})`
    : "a peer never answered";
  return new KlatchError(
    "network",
    `the run did not finish within ${seconds} s: ${where}`,
    "Give more time with --time-limit-seconds, or fewer rounds, steps or peers.",
  );
}
