import assert from "node:assert/strict";
import type { KeptArrays, UpdateMemory } from "../../consensus/index.ts";
import type { OptimizerState } from "../../training/index.ts";
import type { Digest, Evaluation, PeerId, Phase, Reason } from "../../types.ts";
import type { RoundRecord } from "../records/records.ts";
import type { Checkpoint, OwnUpdate } from "../store/contract.ts";
import { digestOfState } from "./manifest.ts";
import type { PeerParts } from "./peer-parts.ts";
import { NeighbourTracks } from "./tracks/neighbour-tracks.ts";

/** Phases of one round that are noted: in mode `agreed` the last ones may take turns for as long as a quorum is missing. */
const PHASES_MAX = 64;
/** The kept array that is what the outer step of mode `gossip` remembers: mode `agreed` keeps its own. */
const VELOCITY = "moved";

/** What belongs to one round and ends with it. */
export class RoundUnderWay {
  readonly startedAt: number;
  /** Bytes on the wire when it began. */
  readonly traffic: { readonly sent: number; readonly received: number };
  /** States that arrived and could be read. */
  readonly arrived = new Map<PeerId, Float32Array>();
  /** Why a peer's update was not used. */
  refused: { readonly peer: PeerId; readonly reason: Reason }[] = [];
  /** Ends what is still being fetched when the round goes on without it. */
  readonly fetching = new AbortController();
  /** When each of its phases began. */
  readonly phases: { readonly phase: Phase; readonly at: number }[] = [];
  mixed: readonly { readonly peer: PeerId; readonly share: number }[] = [];
  /** How it was agreed on, in mode `agreed`; null before. */
  agreed: NonNullable<RoundRecord["agreed"]> | null = null;

  get refusals(): ReadonlyMap<PeerId, Reason> {
    return new Map(this.refused.map(({ peer, reason }) => [peer, reason]));
  }

  constructor({ clock, network }: Pick<PeerParts, "clock" | "network">) {
    this.startedAt = clock.now();
    this.traffic = { ...network.traffic() };
  }
}

/** Whom a round mixed, and why not others. */
interface RoundOutcome {
  readonly mixed: ReadonlySet<PeerId>;
  readonly refused: ReadonlyMap<PeerId, Reason>;
}

/** What a node carries from round to round: the state that a checkpoint keeps, and the round under way. */
export class PeerState {
  readonly #parts: PeerParts;
  adapter: Float32Array;
  optimizer: OptimizerState;
  memory: UpdateMemory;
  /** What the outer step of mode `gossip` remembers; null for nothing. */
  velocity: Float32Array | null;
  /** Tracks of neighbours, where the updates of a run are differences to such. */
  readonly tracks: NeighbourTracks;
  /** Sequence number of the last announcement. */
  sequence: number;
  round: RoundUnderWay;
  /** Rounds of the run that mixed something of others, and rounds that nobody else had a part in. */
  mixedRounds = 0;
  soloRounds = 0;
  trainLoss: number | null = null;
  heldOutLoss: number | null = null;
  evaluation: Evaluation | null = null;
  /** When the last round that is done ended; null before the first. */
  lastEndedAt: number | null = null;
  /** What came of the others in the last round that is done; null before there is one in this process. */
  lastRound: RoundOutcome | null = null;
  #update: OwnUpdate | null = null;
  readonly #referenceDigest = lastDigest();
  readonly #adapterDigest = lastDigest();

  constructor(parts: PeerParts) {
    const { checkpoint, initial, learner, updates } = parts;
    this.#parts = parts;
    this.adapter = checkpoint?.adapter ?? initial;
    this.optimizer = checkpoint?.optimizer ?? learner.initialOptimizer();
    this.memory = updates.begin(initial, checkpoint?.memory);
    this.velocity = checkpoint?.memory[VELOCITY] ?? null;
    this.tracks = new NeighbourTracks(initial, checkpoint?.memory);
    this.sequence = checkpoint?.sequence ?? 0;
    this.round = new RoundUnderWay(parts);
    for (const { mixed, endedAt } of parts.store.rounds(parts.run, parts.config.run.rounds)) {
      this.#count(mixed.length);
      this.lastEndedAt = endedAt;
    }
  }

  beginRound(): void {
    this.round = new RoundUnderWay(this.#parts);
  }

  /** Notes the phase that the open round is in, and tells of it when it is another. */
  enter(phase: Phase, round: number, at: number): void {
    const { phases } = this.round;
    if (phases.at(-1)?.phase === phase || phases.length === PHASES_MAX) return;
    phases.push({ phase, at });
    this.#parts.tell({ type: "phase", round, phase, at });
  }

  /** The node's own update of a round, which has been made. */
  updateOf(round: number): OwnUpdate {
    assert(this.#update?.round === round, `no update for round ${round}`);
    return this.#update;
  }

  /** Whether the node's own update of a round has been made. */
  hasUpdate(round: number): boolean {
    return this.#update?.round === round;
  }

  /** Takes up an update that is on disk, with what the update seam keeps once it is made. */
  takeUpdate(
    update: OwnUpdate,
    memory = this.#parts.updates.begin(this.#parts.initial, update.memory),
  ): void {
    this.#update = update;
    this.sequence = Math.max(this.sequence, update.sequence);
    this.trainLoss = update.trainLoss;
    this.memory = memory;
  }

  /** The state that an own update is a difference to, and its digest. */
  referenceOf({ memory }: OwnUpdate): { readonly state: Float32Array; readonly digest: Digest } {
    const { updates, initial } = this.#parts;
    const { reference: state } = updates.begin(initial, memory);
    return { state, digest: this.#referenceDigest(state) };
  }

  /** Digest of the state that the node's updates are differences to. */
  get reference(): Digest {
    return this.#referenceDigest(this.memory.reference);
  }

  /** Digest of the state that the node is at. */
  get adapterDigest(): Digest {
    // in mode agreed they are one: a large state is not hashed twice
    return this.adapter === this.memory.reference
      ? this.reference
      : this.#adapterDigest(this.adapter);
  }

  /** Counts the round under way, which is over. */
  countRound({ endedAt }: Pick<RoundRecord, "endedAt">): void {
    this.#count(this.round.mixed.length);
    this.lastEndedAt = endedAt;
    this.lastRound = {
      mixed: new Set(this.round.mixed.map(({ peer }) => peer)),
      refused: this.round.refusals,
    };
  }

  #count(contributions: number): void {
    if (contributions > 0) this.mixedRounds += 1;
    else this.soloRounds += 1;
  }

  /** What a checkpoint before `round` keeps. */
  checkpoint(round: number, ledger: string): Checkpoint {
    const { adapter, optimizer, sequence, memory, velocity } = this;
    const kept: KeptArrays = {
      ...memory.kept,
      ...this.tracks.kept,
      ...(velocity === null ? {} : { [VELOCITY]: velocity }),
    };
    return { run: this.#parts.run, round, adapter, optimizer, sequence, memory: kept, ledger };
  }
}

/** Digests states, and remembers that of the last one: it is asked for often and changes once a round. */
function lastDigest(): (state: Float32Array) => Digest {
  let last: { readonly state: Float32Array; readonly digest: Digest } | null = null;
  return (state) => {
    if (last?.state !== state) last = { state, digest: digestOfState(state) };
    return last.digest;
  };
}
