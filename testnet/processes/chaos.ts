import { KlatchError } from "../../src/errors.ts";
import type { Member } from "./fleet.ts";
import type { ChaosRequest } from "./requests.ts";
import { type Incident, kill, start } from "./troubles.ts";

/** Does something to a peer now, and says what. Throws `usage` where there is nothing to do it to. */
export async function befall(
  members: readonly Member[],
  { do: what, peer }: ChaosRequest,
): Promise<Incident> {
  const member = members[peer - 1];
  if (member === undefined) {
    throw refusal(`there is no peer ${peer} among ${members.length}`, "See klatch testnet status.");
  }
  checkState(member, what);
  await DEEDS[what](member);
  return { peer, round: member.status?.round ?? 0, what: TEXTS[what] };
}

// --- internal ---

/** A peer that is down, and one that is paused already, leave nothing to do. */
function checkState({ plan, process }: Member, what: ChaosRequest["do"]): void {
  const peer = plan.index + 1;
  if (what !== "restart" && !process.isRunning) {
    throw refusal(`peer ${peer} is down`, `Start it with klatch testnet chaos restart ${peer}.`);
  }
  const { isPaused } = process;
  if ((what === "pause" && isPaused) || (what === "resume" && !isPaused)) {
    throw refusal(`peer ${peer} is ${isPaused ? "" : "not "}paused`, "See klatch testnet status.");
  }
}

const DEEDS: Readonly<Record<ChaosRequest["do"], (member: Member) => Promise<void>>> = {
  kill,
  restart: async (member) => {
    if (member.process.isRunning) await kill(member);
    start(member);
  },
  pause: async ({ process }) => process.pause(),
  resume: async ({ process }) => process.resume(),
};

const TEXTS: Readonly<Record<ChaosRequest["do"], string>> = {
  kill: "killed with SIGKILL",
  restart: "started again",
  pause: "paused (SIGSTOP)",
  resume: "goes on (SIGCONT)",
};

function refusal(message: string, hint: string): KlatchError {
  return new KlatchError("usage", message, hint);
}
