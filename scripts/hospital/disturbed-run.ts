import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { prepareData } from "../../testnet/data/run-data.ts";
import type { TestnetOptions } from "../../testnet/options.ts";
import {
  launchFleet,
  type Member,
  POLL_MS,
  pollFleet,
  stopFleet,
} from "../../testnet/processes/fleet.ts";
import { createIdentities } from "../../testnet/processes/peer-config.ts";
import { createRandom } from "../../testnet/random.ts";
import { endOf, isOver } from "./ended.ts";

/** For so long a peer is cut off, as a share of a round; and so long a killed one is down. */
const CUT_SHARE = 1 / 3;
/** The newest rounds that say how long one takes. */
const ROUNDS_TIMED = 5;

/** What befalls a peer once the others are in a round, at some share of it. */
export interface Fault {
  readonly kind: "cut" | "kill" | "join";
  readonly peer: number;
  readonly round: number;
  readonly at: number;
}

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
  const joiner = peers - 1;
  const joinsAt = Math.floor(rounds / 4);
  const first = Math.max(1, Math.floor(rounds / 10));
  const span = rounds - 1 - first;
  const cuts = Array.from({ length: peers }, (_, peer): Fault => {
    const round = first + Math.floor((span * peer) / peers);
    const at = random();
    return { kind: "cut", peer, round: peer === joiner ? Math.max(round, joinsAt + 2) : round, at };
  });
  const kills = [1, 2].map((which): Fault => {
    const peer = Math.floor((joiner * which) / 3);
    return { kind: "kill", peer, round: Math.floor((rounds * (which + 1)) / 4), at: random() };
  });
  return [{ kind: "join", peer: joiner, round: joinsAt, at: 0 }, ...cuts, ...kills];
}

/** Runs real peers to the end while faults befall them. */
export async function runDisturbed(
  options: TestnetOptions & { readonly folder: string },
  faults: readonly Fault[],
  say: (text: string) => void,
): Promise<DisturbedRun> {
  const { folder, timeLimitSeconds } = options;
  mkdirSync(folder, { recursive: true });
  const data = await prepareData(options, folder);
  const ids = await createIdentities(data.peers);
  const late = faults.flatMap(({ kind, peer }) => (kind === "join" ? [peer] : []));
  const members = await launchFleet(options, data, ids, new AbortController().signal, { late });
  const startedAt = Date.now();
  const log = new FaultLog(members, faults, say);
  try {
    const deadline = startedAt + timeLimitSeconds * 1000;
    while (!(log.isOver && members.every(isOver)) && Date.now() < deadline) {
      await pollFleet(members);
      log.strike();
      await delay(POLL_MS);
    }
  } finally {
    await log.settle();
    await stopFleet(members);
  }
  const seconds = (Date.now() - startedAt) / 1000;
  return { ...outcomeOf(members), seconds, faults: log.told };
}

// --- internal ---

/** Makes faults happen as the rounds go by. */
class FaultLog {
  readonly told: string[] = [];
  readonly #members: readonly Member[];
  readonly #say: (text: string) => void;
  readonly #began: number[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #due: readonly Fault[];

  constructor(members: readonly Member[], faults: readonly Fault[], say: (text: string) => void) {
    this.#members = members;
    this.#due = faults;
    this.#say = say;
  }

  get isOver(): boolean {
    return this.#due.length === 0 && this.#underWay.size === 0;
  }

  /** Begins what is due in the round that the first peer is in. */
  strike(): void {
    const rounds = this.#members.map(({ status }) => status?.round ?? 0);
    const round = Math.max(...rounds);
    if (round >= this.#began.length) {
      while (this.#began.length <= round) this.#began.push(Date.now());
      this.#say(`round ${round + 1}, peers in ${rounds.map((each) => each + 1).join(" ")}`);
    }
    const due = this.#due.filter((fault) => fault.round <= round);
    this.#due = this.#due.filter((fault) => fault.round > round);
    for (const fault of due) {
      const happening = this.#happen(fault).finally(() => this.#underWay.delete(happening));
      this.#underWay.add(happening);
    }
  }

  /** Until everything that began is over. */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  // --- internal ---

  async #happen({ kind, peer, round, at }: Fault): Promise<void> {
    const member = this.#members[peer];
    if (member === undefined) return;
    await delay(at * this.#roundMs);
    const cutMs = CUT_SHARE * this.#roundMs;
    const { status } = member;
    const where = status === null ? "" : ` in ${status.phase} of round ${status.round + 1}`;
    const text = `round ${round + 1}: ${kind} of peer ${peer + 1}${where}, ${Math.round(cutMs)} ms`;
    this.told.push(text);
    this.#say(text);
    if (kind === "cut") await suspend(member, cutMs);
    else {
      if (kind === "kill") {
        await member.process.kill();
        member.kills += 1;
        await delay(cutMs);
      }
      member.process.start();
    }
  }

  /** How long a round takes, by the median of the newest. */
  get #roundMs(): number {
    const began = this.#began.slice(-1 - ROUNDS_TIMED);
    const took = began.slice(1).map((at, i) => at - (began[i] ?? at));
    return took.toSorted((a, b) => a - b)[took.length >> 1] ?? 0;
  }
}

async function suspend({ process: peer }: Member, milliseconds: number): Promise<void> {
  const { pid } = peer;
  if (pid === undefined || peer.exit !== null) return;
  process.kill(pid, "SIGSTOP");
  await delay(milliseconds);
  process.kill(pid, "SIGCONT");
}

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
