import { setTimeout as delay } from "node:timers/promises";
import { EXIT_CODES } from "../../src/errors.ts";
import { secondsText } from "../../src/node/view/quantities.ts";
import { type Fault, peersOf } from "../scenario/faults.ts";
import { failureOf, type Member, POLL_MS } from "./fleet.ts";
import type { Ground } from "./ground.ts";

/** Something that befell one peer: on purpose, or on its own without ending the run. */
export interface Incident {
  readonly peer: number;
  readonly round: number;
  readonly what: string;
}

/** The newest rounds that say how long one takes. */
const ROUNDS_TIMED = 5;

/** Makes faults happen as the rounds go by. */
export class Troubles {
  readonly #members: readonly Member[];
  readonly #ground: Ground;
  readonly #note: (incident: Incident) => void;
  readonly #startedAt = Date.now();
  /** When the first peer came to a round. */
  readonly #began: number[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  #failure: unknown = null;
  #due: readonly Fault[];

  /** `note` hears of everything that begins. */
  constructor(
    members: readonly Member[],
    faults: readonly Fault[],
    ground: Ground,
    note: (incident: Incident) => void,
  ) {
    this.#members = members;
    this.#due = faults;
    this.#ground = ground;
    this.#note = note;
  }

  /** Whether something has begun that is not over. */
  get areUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  /** Those whose time has not come. */
  get due(): readonly Fault[] {
    return this.#due;
  }

  /** The newest round that a peer is in, from 0. */
  get round(): number {
    return Math.max(...this.#members.map(({ status }) => status?.round ?? 0));
  }

  /** Begins what is due now; throws what a peer ended with that should not have. */
  strike(): void {
    if (this.#failure !== null) throw this.#failure;
    const now = Date.now();
    while (this.#began.length <= this.round) this.#began.push(now);
    const isDue = (one: Fault) => now >= this.#timeOf(one);
    const struck = this.#due.filter(isDue);
    this.#due = this.#due.filter((one) => !struck.includes(one));
    for (const one of struck) this.begin(one);
  }

  /** Begins a fault now, whatever its time. */
  begin(fault: Fault): void {
    const happening = this.#happen(fault)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#underWay.delete(happening));
    this.#underWay.add(happening);
  }

  /** Ends what is under way, so that it can be stopped: networks are joined, disks emptied, and nobody is started. */
  async end(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#underWay);
  }

  // --- internal ---

  /** Infinity before its round has begun. */
  #timeOf({ round, second }: Fault): number {
    if (second !== undefined) return this.#startedAt + 1000 * second;
    const at = round ?? 1;
    const began = this.#began[Math.floor(at) - 1] ?? Number.POSITIVE_INFINITY;
    return began + (at % 1) * this.#roundMs;
  }

  async #happen(fault: Fault): Promise<void> {
    const lasts = this.#lengthOf(fault);
    const text = TEXTS[fault.do](lasts === null ? null : secondsText(lasts / 1000));
    const members = peersOf(fault).flatMap((peer) => this.#members[peer - 1] ?? []);
    for (const { plan } of members) {
      this.#note({ peer: plan.index + 1, round: this.round, what: text });
    }
    if (fault.do === "part") {
      this.#ground.part();
      await this.#lapse(lasts);
      this.#ground.join();
      return;
    }
    for (const member of members) await this.#befall(member, fault.do, lasts);
  }

  async #befall(
    member: Member,
    kind: Exclude<Fault["do"], "part">,
    lasts: number | null,
  ): Promise<void> {
    const { process: peer } = member;
    switch (kind) {
      case "kill":
      case "restart":
        await kill(member);
        if (kind === "kill" && lasts === null) return;
        await this.#lapse(lasts);
        return this.#start(member);
      case "join":
        return this.#start(member);
      case "pause":
        peer.pause();
        await this.#lapse(lasts);
        return peer.resume();
      case "fill-disk":
        return this.#fillDisk(member, lasts);
    }
  }

  /** What could not write may still be about to end. */
  async #showsWhetherItGoesOn(member: Member): Promise<void> {
    const { round = 0 } = member.status ?? {};
    const goesOn = () =>
      member.answers &&
      ((member.status?.round ?? 0) > round || member.status?.state === "finished");
    while (member.process.isRunning && !goesOn() && !this.#ended.signal.aborted) {
      await this.#lapse(POLL_MS);
    }
  }

  #start(member: Member): void {
    if (!this.#ended.signal.aborted) start(member);
  }

  /** Waits, unless all is to end. */
  async #lapse(milliseconds: number | null): Promise<void> {
    const { signal } = this.#ended;
    await delay(milliseconds ?? 0, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  /** Whoever ends for that is started again when there is room, as an operator would. */
  async #fillDisk(member: Member, lasts: number | null): Promise<void> {
    const { plan, process: peer } = member;
    member.mayBeDown = true;
    this.#ground.fillDisk(plan.index);
    await this.#lapse(lasts);
    this.#ground.emptyDisk(plan.index);
    await this.#showsWhetherItGoesOn(member);
    if (peer.isRunning) member.mayBeDown = false;
    else if (peer.exit?.code === EXIT_CODES.disk) this.#start(member);
    else throw failureOf(member);
  }

  /** Milliseconds; null of what has no length. */
  #lengthOf(fault: Fault): number | null {
    const { rounds, seconds } = fault as { readonly rounds?: number; readonly seconds?: number };
    if (seconds !== undefined) return 1000 * seconds;
    return rounds === undefined ? null : rounds * this.#roundMs;
  }

  /** How long a round takes, by the median of the newest. */
  get #roundMs(): number {
    const began = this.#began.slice(-1 - ROUNDS_TIMED);
    const took = began.slice(1).map((at, i) => at - (began[i] ?? at));
    return took.toSorted((a, b) => a - b)[took.length >> 1] ?? 0;
  }
}

/** SIGKILL, on purpose. */
export async function kill(member: Member): Promise<void> {
  member.mayBeDown = true;
  member.kills += 1;
  await member.process.kill();
  member.answers = false;
}

/** Starts a peer that is not running. */
export function start(member: Member): void {
  if (!member.process.isRunning) member.process.start();
  member.mayBeDown = false;
}

// --- internal ---

/** What is told of a fault that lasts so long; null where it has no length. */
const TEXTS: Readonly<Record<Fault["do"], (lasts: string | null) => string>> = {
  kill: (lasts) =>
    `killed with SIGKILL${lasts === null ? " for good" : ` and started again after ${lasts}`}`,
  restart: () => "killed with SIGKILL and started again",
  pause: (lasts) => `paused (SIGSTOP) for ${lasts}`,
  join: () => "started late",
  part: (lasts) => `cut off from the others for ${lasts}`,
  "fill-disk": (lasts) => `its disk full for ${lasts}`,
};
