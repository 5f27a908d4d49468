import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../../src/errors.ts";
import type { TestnetOptions } from "../options.ts";
import type { Progress } from "../report/progress.ts";
import { failureOf, type Member, POLL_MS, pollFleet } from "./fleet.ts";
import type { Network } from "./network.ts";
import { type Incident, kill, start } from "./troubles.ts";

/**
 * Watches the peers until every honest one has finished while faults befall them; `note` hears of what happens. Throws when
 * an honest peer goes down on its own, when the time limit passes, or the signal's reason.
 */
export async function watchNetwork(
  { members, troubles }: Network,
  options: TestnetOptions,
  { progress, note }: { readonly progress: Progress; note(incident: Incident): void },
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + options.timeLimitSeconds * 1000;
  const fallOfNew = fallsOf(members);
  while (troubles.areUnderWay || !members.every(isDone)) {
    signal.throwIfAborted();
    await pollFleet(members);
    troubles.strike();
    for (const incident of fallOfNew()) note(incident);
    const killed = options.killEach ? await killNext(members, options.rounds) : null;
    if (killed !== null) note(killed);
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

/** Attackers need not finish, as nobody evaluates them, nor who was killed for good. */
function isDone(member: Member): boolean {
  if (member.plan.role !== "honest" || isGone(member)) return true;
  return member.status?.state === "finished" && member.status.evaluation !== null;
}

/** What fell since the last time it was asked. */
function fallsOf(members: readonly Member[]): () => readonly Incident[] {
  const fallen = new Set<Member>();
  return () => {
    const falls = members
      .filter((member) => !fallen.has(member))
      .map((member) => [member, fallOf(member)] as const);
    return falls.flatMap(([member, incident]) => {
      if (incident === null) return [];
      fallen.add(member);
      return [incident];
    });
  };
}

/** An honest peer that fell ends the run; a fallen attacker is only noted. */
function fallOf(member: Member): Incident | null {
  if (member.process.exit === null || member.mayBeDown || isFinished(member)) return null;
  const failure = failureOf(member);
  if (member.plan.role === "honest") throw failure;
  return { peer: member.plan.index + 1, round: member.status?.round ?? 0, what: failure.message };
}

function isGone({ mayBeDown, process }: Member): boolean {
  return mayBeDown && process.exit !== null;
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
  await kill(due);
  start(due);
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
