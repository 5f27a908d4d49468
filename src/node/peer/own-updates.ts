import type { Digest } from "../../types.ts";
import type { OwnUpdate } from "../store/contract.ts";
import { announceUpdate, hasSaidOtherwise } from "./making-updates.ts";
import { digestOf } from "./manifest.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerState } from "./peer-state.ts";
import { trainFor } from "./round-training.ts";

/** Rounds for which the own payload stays available to slower peers. */
const PAYLOADS_KEPT = 2;

/** The node's own update of a round: trained, kept on disk, committed to, and held for others. */
export class OwnUpdates {
  readonly #parts: PeerParts;
  readonly #state: PeerState;
  readonly #signal: AbortSignal;
  #held: readonly Digest[] = [];

  constructor(parts: PeerParts, state: PeerState, signal: AbortSignal) {
    this.#parts = parts;
    this.#state = state;
    this.#signal = signal;
  }

  /** The update that was made for a round before the node went down; null when there is none. */
  restore(round: number): Digest | null {
    const update = this.#parts.store.loadUpdate(this.#parts.run, round);
    if (update === null) return null;
    this.#state.takeUpdate(update);
    return digestOf(update.payload);
  }

  /** After a restart: serves the round before again, to those who had not fetched it when the node went down. */
  async announceAgain(round: number): Promise<void> {
    const { store, run, network } = this.#parts;
    const update = round > 0 ? store.loadUpdate(run, round - 1) : null;
    if (update === null) return;
    const payload = digestOf(update.payload);
    await this.#publish(update, payload);
    network.open(payload);
  }

  /** Trains for a round and keeps the update on disk before anyone can hear of it. */
  async train(round: number): Promise<Digest> {
    const { store, run, updates, clock } = this.#parts;
    const state = this.#state;
    state.beginRound();
    const from = { adapter: state.adapter, optimizer: state.optimizer, round };
    const result = await trainFor(this.#parts, from, this.#signal);
    const { adapter, optimizer, loss: trainLoss, examples } = result;
    const { payload, memory } = updates.offer(state.memory, adapter);
    const sequence = Math.max(state.sequence + 1, clock.wallClock());
    const made = { run, round, sequence, adapter, optimizer, trainLoss, examples, payload };
    const update = { ...made, memory: memory.kept };
    store.saveUpdate(update);
    state.takeUpdate(update);
    return digestOf(payload);
  }

  /** Commits to the update of a round: from now on it cannot be exchanged for another. */
  async announce(round: number, payload: Digest): Promise<void> {
    if (hasSaidOtherwise(this.#parts, round, payload)) return;
    await this.#publish(this.#state.updateOf(round), payload);
  }

  // --- internal ---

  async #publish(update: OwnUpdate, payload: Digest): Promise<void> {
    this.#hold(payload, update.payload);
    const { codec } = this.#parts.updates;
    const { reference } = this.#state;
    await announceUpdate(this.#parts, update, { mode: "gossip", codec, reference, payload });
  }

  #hold(payload: Digest, bytes: Uint8Array): void {
    const { network } = this.#parts;
    network.hold(payload, bytes);
    const held = [payload, ...this.#held.filter((other) => other !== payload)];
    this.#held = held.slice(0, PAYLOADS_KEPT);
    for (const old of held.slice(PAYLOADS_KEPT)) network.withdraw(old);
  }
}
