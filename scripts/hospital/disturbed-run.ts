import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { prepareData } from "../../testnet/data/run-data.ts";
import type { TestnetOptions } from "../../testnet/options.ts";
import { type Member, POLL_MS, pollFleet } from "../../testnet/processes/fleet.ts";
import { openNetwork } from "../../testnet/processes/network.ts";
import type { Incident } from "../../testnet/processes/troubles.ts";
import { createRandom } from "../../testnet/random.ts";
import type { Fault } from "../../testnet/scenario/faults.ts";
import { endOf, isOver } from "./ended.ts";

/** For so long a peer is cut off, and a killed one down, as a share of a round. */
const CUT_SHARE = 1 / 3;

/** What came of a run. */
export interface DisturbedRun {
  /** Rounds that have a final block, and those whose block counts nobody's update. */
  readonly certified: number;
  readonly empty: number;
  /** Peers that ended by themselves or did not reach the end, and why. */
  readonly aborted: readonly string[];
  /** How many different adapters the peers ended with: 1 is right. */
  readonly digests: number;
  readonly chains: number;
  /** On the common test set. */
  readonly loss: number | null;
  /** Updates that the blocks count, and at most could: members x rounds. */
  readonly counted: number;
  readonly updates: number;
  /** Rounds in which a peer's update is in no block, by peer: what it learnt comes with its next one. */
  readonly leftOut: Readonly<Record<number, readonly number[]>>;
  readonly seconds: number;
  readonly faults: readonly string[];
}

/** Every peer is cut off once, two are killed, the last one joins when a quarter of the rounds is over. */
export function plannedFaults({ peers, rounds, seed }: TestnetOptions): readonly Fault[] {
  const random = createRandom(seed, "hospital");
  const joiner = peers;
  const joinsAt = 1 + Math.floor(rounds / 4);
  const first = 1 + Math.max(1, Math.floor(rounds / 10));
  const span = rounds - first;
  const cuts = Array.from({ length: peers }, (_, index): Fault => {
    const round = first + Math.floor((span * index) / peers);
    const from = index + 1 === joiner ? Math.max(round, joinsAt + 2) : round;
    return { do: "pause", peer: index + 1, round: from + random(), rounds: CUT_SHARE };
  });
  const kills = [1, 2].map((which): Fault => {
    const peer = 1 + Math.floor(((joiner - 1) * which) / 3);
    const round = 1 + Math.floor((rounds * (which + 1)) / 4);
    return { do: "kill", peer, round: round + random(), rounds: CUT_SHARE };
  });
  return [{ do: "join", peer: joiner, round: joinsAt }, ...cuts, ...kills];
}

/** Runs real peers to the end while faults befall them. */
export async function runDisturbed(
  options: TestnetOptions & { readonly folder: string },
  say: (text: string) => void,
): Promise<DisturbedRun> {
  const { folder, timeLimitSeconds } = options;
  mkdirSync(folder, { recursive: true });
  const data = await prepareData(options, folder);
  const told: string[] = [];
  const note = ({ peer, round, what }: Incident) => {
    told.push(`round ${round + 1}: peer ${peer} ${what}`);
    say(told.at(-1) ?? "");
  };
  const { signal } = new AbortController();
  const { members, troubles, stop } = await openNetwork(options, data, note, signal);
  const startedAt = Date.now();
  try {
    const deadline = startedAt + timeLimitSeconds * 1000;
    const isToGoOn = () =>
      troubles.due.length > 0 || troubles.areUnderWay || !members.every(isOver);
    while (isToGoOn() && Date.now() < deadline) {
      await pollFleet(members);
      troubles.strike();
      await delay(POLL_MS);
    }
  } finally {
    await stop();
  }
  const seconds = (Date.now() - startedAt) / 1000;
  return { ...outcomeOf(members), seconds, faults: told };
}

// --- internal ---

function outcomeOf(members: readonly Member[]): Omit<DisturbedRun, "seconds" | "faults"> {
  const { chains, longest, certified, aborted, digests, counted, loss } = endOf(members);
  const places = [...members.map(({ plan }) => plan.id)].sort();
  const leftOut = members.map(({ plan }) => {
    const place = places.indexOf(plan.id);
    const missed = longest.flatMap(({ cut }, round) => (cut.includes(place) ? [] : [round + 1]));
    return [plan.index + 1, missed] as const;
  });
  return {
    ...{ certified, aborted, digests, counted, loss },
    empty: longest.filter(({ cut }) => cut.length === 0).length,
    chains: new Set(chains.map((chain) => JSON.stringify(chain))).size,
    updates: members.length * longest.length,
    leftOut: Object.fromEntries(leftOut),
  };
}
