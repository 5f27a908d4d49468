import {
  type Certificate,
  certify,
  certifyNothing,
  type Decided,
  isVarying,
  MixingPlan,
  parseTopology,
  type Roster,
  stepsOf,
  UNDECIDED,
} from "../../consensus/index.ts";
import type { PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { modeOf, requireMode } from "../config/mode-of.ts";
import { requireMembership, rosterOf } from "../config/roster-of.ts";

/** Whom a node exchanges with in a round, and what that tolerates. */
export interface RoundNeighbourhood {
  readonly members: readonly PeerId[];
  readonly neighbours: readonly PeerId[];
  /** Those that are neighbours in some round with these members, or have the node as one. */
  readonly acquainted: readonly PeerId[];
  /** The share of each neighbour in full standing. */
  readonly shares: ReadonlyMap<PeerId, number>;
  readonly certificate: Certificate;
  /** Neighbours that may lie, as the mixing rule assumes. */
  readonly attackersMax: number;
}

/** Who the members are, whom a node exchanges with, and how much is trained, round by round. */
export class Neighbourhoods {
  readonly roster: Roster;
  /** First round in which the node is a member. */
  readonly firstRound: number;
  /** Whether the neighbours are others in every round. */
  readonly isVarying: boolean;
  readonly #run: Config["run"];
  readonly #self: PeerId;
  readonly #known = new Map<number, RoundNeighbourhood>();
  /** Rounds from which on blocks have others as members, in mode `agreed`. */
  readonly #succeeded = new Map<number, readonly PeerId[]>();
  #decided = UNDECIDED;

  /** @throws KlatchError `usage` when the node is never a member of its own run, or its mode is not possible */
  constructor(run: Config["run"], self: PeerId) {
    this.#run = run;
    this.#self = self;
    this.isVarying = isVarying(parseTopology(run.topology));
    requireMode(run);
    this.roster = rosterOf(run);
    // whoever is no member yet may become one by a block
    const isAgreed = modeOf(run) === "agreed";
    this.firstRound = isAgreed ? 0 : requireMembership(this.roster, self);
  }

  /** Rounds of the run for this node, which may be removed before its end. */
  get rounds(): number {
    const rounds = this.#decided.newest?.rounds ?? this.#run.rounds;
    return Math.min(rounds, this.roster.lastRound(this.#self) ?? rounds);
  }

  /** Steps that a member trains in a round. */
  stepsIn(round: number): number {
    return stepsOf(this.#decided, round) ?? this.#run.steps;
  }

  /** Examples that a member trains on in a round, some of them more than once. */
  examplesIn(round: number): number {
    return this.stepsIn(round) * this.#run.batchSize;
  }

  /** Steps from the beginning of a round to the end of the run, where members have decided how many; else null. */
  stepsLeft(round: number): number | null {
    const { newest } = this.#decided;
    if (newest === null) return null;
    const before = Math.max(0, newest.from - round);
    const after = Math.max(0, newest.rounds - Math.max(round, newest.from));
    return before * this.stepsIn(round) + after * newest.steps;
  }

  /** The members have decided about the run, by a block: that holds whatever this node was configured with. */
  decide(decided: Decided): void {
    this.#decided = decided;
  }

  /** Neighbours without which the first round does not end. */
  get startOthers(): number {
    const { members, neighbours } = this.at(0);
    const { members: wanted } = this.#run.start;
    if (wanted === "all") return neighbours.length;
    if (wanted === "quorum") return neighbours.length >> 1;
    // of a sparse graph a node hears its neighbours only: their share of the others
    const share = neighbours.length / Math.max(1, members.length - 1);
    return Math.min(neighbours.length, Math.ceil((wanted - 1) * share));
  }

  /** Rounds from which on others are members, the first first. */
  get changes(): readonly number[] {
    return this.roster.rounds.filter((round) => round > this.firstRound);
  }

  /** From a round on these are the members: so says the block of the round before. */
  succeed(round: number, members: readonly PeerId[]): void {
    this.#succeeded.set(round, members);
    for (const known of this.#known.keys()) if (known >= round) this.#known.delete(known);
  }

  isMember(peer: PeerId, round: number): boolean {
    return this.#succeeded.size === 0
      ? this.roster.isMember(peer, round)
      : this.at(round).members.includes(peer);
  }

  /** Before its first round a node has the neighbours of that. */
  at(round: number): RoundNeighbourhood {
    const from = Math.max(round, this.firstRound);
    const changes = [...this.roster.rounds, ...this.#succeeded.keys()];
    const since = Math.max(0, ...changes.filter((each) => each <= from));
    const key = this.isVarying ? from : since;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = this.#make(since, from);
    if (this.#known.size >= HELD_MAX) this.#known.clear();
    this.#known.set(key, made);
    return made;
  }

  /** Those who were members once, and are none from some round before on. */
  goneBefore(round: number): readonly PeerId[] {
    return this.roster.everyone.filter((peer) => (this.roster.lastRound(peer) ?? round) < round);
  }

  /** Everybody who is a neighbour in some round, or has this node as one. */
  get everyNeighbour(): readonly PeerId[] {
    const all = [this.firstRound, ...this.changes].flatMap((round) => this.at(round).acquainted);
    return [...new Set(all)];
  }

  #planOf(round: number): Plan {
    const members = this.#succeeded.get(round);
    return members === undefined
      ? planOf(this.#run, this.roster, round)
      : makePlan(this.#run, members);
  }

  #make(since: number, round: number): RoundNeighbourhood {
    const { attackersMax } = this.#run;
    const { members, mixing, certificate } = this.#planOf(since);
    const shares = mixing.sharesOf(this.#self, round);
    const others = members.filter((peer) => peer !== this.#self);
    const neighbours = members.includes(this.#self) ? [...shares.keys()] : others;
    return {
      members,
      neighbours,
      acquainted: mixing.graph === null ? others : neighbours,
      shares,
      certificate,
      attackersMax: attackersMax === "auto" ? certificate.attackersMax : attackersMax,
    };
  }
}

// --- internal ---

/** Neighbourhoods that are held; more than that, and they are made again. */
const HELD_MAX = 64;

interface Plan {
  readonly members: readonly PeerId[];
  readonly mixing: MixingPlan;
  readonly certificate: Certificate;
}

/** A large graph takes seconds to certify, and many nodes of one process may share a run. */
const plans = new WeakMap<Config["run"], Map<number, Plan>>();

function planOf(run: Config["run"], roster: Roster, round: number): Plan {
  const known = plans.get(run) ?? new Map<number, Plan>();
  plans.set(run, known);
  const plan = known.get(round) ?? makePlan(run, roster.at(round));
  known.set(round, plan);
  return plan;
}

function makePlan({ topology, rule, seed }: Config["run"], members: readonly PeerId[]): Plan {
  const mixing = new MixingPlan(parseTopology(topology), members, seed);
  const certificate =
    mixing.graph === null ? certifyNothing(rule, topology) : certify(rule, mixing.graph);
  return { members, mixing, certificate };
}
