import {
  type AgreedMemory,
  type AgreedPoint,
  type AgreedUpdates,
  type Block,
  type BlockPayload,
  ballotsHolding,
  type ChainHead,
  isSound,
  type KeptArrays,
  keptMemory,
  type Link,
  type MadeAgreedUpdate,
  quorumOf,
  restoredMemory,
  sharesOfCut,
  type UpdateOutcome,
} from "../../../consensus/index.ts";
import type { Digest } from "../../../types.ts";
import { announceUpdate, hasSaidOtherwise } from "../making-updates.ts";
import { digestOf } from "../manifest.ts";
import type { PeerParts } from "../peer-parts.ts";
import type { PeerState } from "../peer-state.ts";
import { trainFor } from "../round-training.ts";
import type { PayloadPool } from "./payload-pool.ts";

/** The own update of a height: trained from the agreed state, kept on disk, announced, and settled when the height ends. */
export class AgreedTraining {
  readonly #parts: PeerParts;
  readonly #state: PeerState;
  readonly #updates: AgreedUpdates;
  readonly #pool: PayloadPool;
  readonly #signal: AbortSignal;
  #memory: AgreedMemory;
  /** Ends the training under way, and resolves when what came of it is kept. */
  #end: () => Promise<void> = async () => undefined;

  constructor(
    parts: PeerParts,
    state: PeerState,
    options: {
      readonly updates: AgreedUpdates;
      readonly point: AgreedPoint;
      readonly pool: PayloadPool;
      readonly signal: AbortSignal;
      /** What is on disk of feedback and progress. */
      readonly kept: KeptArrays;
    },
  ) {
    this.#parts = parts;
    this.#state = state;
    this.#updates = options.updates;
    this.#pool = options.pool;
    this.#signal = options.signal;
    const { theta, velocity } = options.point;
    this.#memory = { ...restoredMemory(theta, options.kept), velocity };
    this.#adopt(this.#memory);
  }

  get point(): AgreedPoint {
    return this.#memory;
  }

  /** Loss of the agreed state on the node's own held-out rows; null where there are none. */
  async heldOutLoss(): Promise<number | null> {
    const { learner } = this.#parts;
    if (learner.info.data.heldOut.examples === 0) return null;
    return (await learner.evaluate(this.point.theta, "held-out")).loss;
  }

  /** The update that was made for a height before the node went down; null when there is none. */
  restore(head: ChainHead): BlockPayload | null {
    const { height } = head;
    const update = this.#parts.store.loadUpdate(this.#parts.run, height);
    if (update === null) return null;
    this.#state.takeUpdate(update, this.#state.memory);
    const { extra } = update.memory;
    if (extra !== undefined) this.#adopt({ ...this.#memory, extra });
    return this.#held(head, update.payload);
  }

  /**
   * Trains for a height and keeps the update on disk before anyone can hear of it. Null when the height has ended
   * meanwhile: what was learnt is progress then.
   */
  train(head: ChainHead): Promise<BlockPayload | null> {
    return this.#untilOver((over) => this.#train(head, over));
  }

  /** Trains on beyond the update of a height, which stays as it was announced. */
  trainOn(round: number): Promise<void> {
    return this.#untilOver((over) => this.#trainOn(round, over));
  }

  /**
   * The height is over: ends a training for it where it is, so that this node begins the next one with the others.
   *
   * @throws what the training did: when the node stops, what was trained is on disk, and the height is to end later
   */
  end(): Promise<void> {
    return this.#end();
  }

  /** Commits to the update of a height: from now on it cannot be exchanged for another. */
  async announce(round: number, payload: Digest): Promise<void> {
    if (hasSaidOtherwise(this.#parts, round, payload)) return;
    const update = this.#state.updateOf(round);
    const codec = this.#updates.codec(round);
    const { reference } = this.#state;
    await announceUpdate(this.#parts, update, { mode: "agreed", codec, reference, payload });
  }

  /**
   * The own update that the first of final blocks has: others may need it to mix, who have started again since as this
   * node has.
   */
  serveEnded([ended]: readonly Link[]): void {
    if (ended === undefined || !this.#state.hasUpdate(ended.block.height)) return;
    const { block } = ended;
    const digest = digestOf(this.#state.updateOf(block.height).payload);
    if (block.payloads.some(({ payload }) => payload === digest)) {
      this.#parts.network.open(digest);
    }
  }

  /** The height has ended with a block: what became of the own update, and the state to go on from. */
  settle(head: ChainHead, block: Block, point: AgreedPoint): void {
    const state = this.#state;
    let memory = this.#memory;
    if (block.height === head.height && state.hasUpdate(head.height)) {
      const update = state.updateOf(head.height);
      const made: MadeAgreedUpdate = {
        ...this.#updates.offer(memory, update.adapter, head),
        payload: update.payload,
      };
      const outcome = this.#outcome(head, block, digestOf(update.payload));
      if (outcome === "harmful") this.#parts.log.warn({ round: head.height + 1 }, SUSPENDED);
      memory = this.#updates.settle(memory, made, outcome);
      state.optimizer = update.optimizer;
    }
    this.#adopt(this.#updates.advance(memory, point));
  }

  // --- internal ---

  #untilOver<T>(train: (over: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const trained = train(over.signal);
    this.#end = async () => {
      over.abort(new Error("the round is over"));
      await trained;
    };
    return trained;
  }

  async #train(head: ChainHead, over: AbortSignal): Promise<BlockPayload | null> {
    const { store, run, clock } = this.#parts;
    const state = this.#state;
    state.beginRound();
    const memory = this.#memory;
    const round = head.height;
    const from = { adapter: this.#updates.start(memory), optimizer: state.optimizer, round };
    const result = await trainFor(this.#parts, from, { signal: this.#signal, over });
    const { adapter, optimizer, loss: trainLoss, examples } = result;
    const made = this.#updates.offer(memory, adapter, head);
    if (over.aborted) {
      state.optimizer = optimizer;
      if (examples > 0) state.trainLoss = trainLoss;
      this.#adopt(this.#updates.settle(this.#memory, made, "left-out"));
      return null;
    }
    const { payload } = made;
    const sequence = Math.max(state.sequence + 1, clock.wallClock());
    const update = {
      ...{ run, round, sequence, adapter, optimizer, trainLoss, examples, payload },
      memory: {},
    };
    store.saveUpdate(update);
    state.takeUpdate(update, state.memory);
    return this.#held(head, payload);
  }

  async #trainOn(round: number, over: AbortSignal): Promise<void> {
    const { neighbourhoods, store, log } = this.#parts;
    const { rounds } = neighbourhoods;
    const steps = neighbourhoods.stepsIn(round);
    const state = this.#state;
    const update = state.updateOf(round);
    const adapter = this.#updates.beyond(this.#memory, update.adapter);
    // a number that no round of the run has, and the same one after a restart
    const times = Math.round(update.optimizer.step / steps);
    const from = { adapter, optimizer: update.optimizer, round: rounds + times };
    const ends = { signal: this.#signal, over };
    const { optimizer, adapter: trained } = await trainFor(this.#parts, from, ends);
    this.#adopt(this.#updates.trainOn(this.#memory, adapter, trained));
    const further = { ...update, optimizer, memory: state.memory.kept };
    store.saveUpdate(further);
    state.takeUpdate(further, state.memory);
    log.info({ round: round + 1, steps: optimizer.step }, "no quorum: trains on by itself");
  }

  #adopt(memory: AgreedMemory): void {
    this.#memory = memory;
    this.#state.adapter = memory.theta;
    const { theta } = memory;
    this.#state.memory = { reference: theta, track: theta, kept: keptMemory(memory) };
  }

  #outcome(head: ChainHead, { cut, ballots }: Block, payload: Digest): UpdateOutcome {
    const place = this.#placeIn(head);
    const holds = ballotsHolding(ballots, { place, payload });
    const quorum = quorumOf(head.members.peers.length);
    const share = sharesOfCut(head.levels, cut, quorum)[cut.indexOf(place)];
    if (share !== undefined && holds.length > 0) return share > 0 ? "counted" : "harmful";
    const unsound = holds.filter(({ opinions }) => !isSound(opinions[place]));
    return unsound.length > quorum.faulty ? "unsound" : "left-out";
  }

  #placeIn({ members }: ChainHead): number {
    return members.peers.indexOf(this.#parts.network.peerId);
  }

  /** It is there for others and for this node before it is announced, which may have to wait. */
  #held(head: ChainHead, bytes: Uint8Array): BlockPayload {
    const payload = digestOf(bytes);
    this.#pool.keep(payload, bytes);
    this.#parts.network.hold(payload, bytes);
    return { place: this.#placeIn(head), payload, bytes: bytes.length };
  }
}

const SUSPENDED = "most members called updates of this node harmful: this one counts for nothing";
