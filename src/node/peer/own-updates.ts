import type { Digest, PeerId } from "../../types.ts";
import type { OwnUpdate } from "../store/contract.ts";
import { announceUpdate, hasSaidOtherwise } from "./making-updates.ts";
import { bytesOfState, digestOf } from "./manifest.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerState } from "./peer-state.ts";
import { trainFor } from "./round-training.ts";
import { UPDATES_FOLLOWED } from "./tracks/neighbour-tracks.ts";

/** Rounds for which the own payload stays available to slower peers. */
const PAYLOADS_KEPT = 2;
/** Rounds for which the own track before it does, for those that did not follow. */
const TRACKS_KEPT = 2;

/** An own update that others can have: digests of its payload, and of the state that it is a difference to. */
interface Held {
  readonly payload: Digest;
  readonly reference: Digest;
}

/** The node's own update of a round: trained, kept on disk, committed to, and held for others. */
export class OwnUpdates {
  readonly #parts: PeerParts;
  readonly #state: PeerState;
  readonly #signal: AbortSignal;
  /** The newest first. */
  #held: readonly Held[] = [];

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
    const { store, run, updates } = this.#parts;
    const update = round > 0 ? store.loadUpdate(run, round - 1) : null;
    // rounds that were left out have no update, those before them have
    if (updates.hasTracks) this.#holdOlder(update === null ? round : round - 1);
    if (update === null) return;
    const payload = digestOf(update.payload);
    await this.#publish(update, payload);
    this.open(payload);
  }

  /** Trains for a round and keeps the update on disk before anyone can hear of it. */
  async train(round: number): Promise<Digest> {
    const { store, run, updates, clock } = this.#parts;
    const state = this.#state;
    state.beginRound();
    const from = { adapter: state.adapter, optimizer: state.optimizer, round };
    const result = await trainFor(this.#parts, from, { signal: this.#signal });
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

  /** Serves an own payload to these peers, or to everybody; and the state that it is a difference to, which is over. */
  open(payload: Digest, to?: readonly PeerId[]): void {
    const { network, updates } = this.#parts;
    network.open(payload, to);
    if (!updates.hasTracks) return;
    const held = this.#held.find((each) => each.payload === payload);
    if (held !== undefined) network.open(held.reference);
  }

  // --- internal ---

  async #publish(update: OwnUpdate, payload: Digest): Promise<void> {
    const { digest: reference } = this.#hold(update, payload);
    const { codec } = this.#parts.updates;
    await announceUpdate(this.#parts, update, { mode: "gossip", codec, reference, payload });
  }

  /** Serves what is on disk of earlier rounds to those who follow. */
  #holdOlder(before: number): void {
    const { store, run } = this.#parts;
    for (let round = Math.max(0, before - UPDATES_FOLLOWED); round < before; round += 1) {
      const update = store.loadUpdate(run, round);
      if (update === null) continue;
      const payload = digestOf(update.payload);
      this.#hold(update, payload);
      this.open(payload);
    }
  }

  #hold(update: OwnUpdate, payload: Digest): ReturnType<PeerState["referenceOf"]> {
    const { network, updates } = this.#parts;
    const reference = this.#state.referenceOf(update);
    network.hold(payload, update.payload);
    if (updates.hasTracks) network.hold(reference.digest, bytesOfState(reference.state));
    const others = this.#held.filter((each) => each.payload !== payload);
    const all = [{ payload, reference: reference.digest }, ...others];
    this.#held = all.slice(0, updates.hasTracks ? UPDATES_FOLLOWED : PAYLOADS_KEPT);
    this.#withdrawBut(all);
    return reference;
  }

  /** Stops serving what nobody should need any more of what was held. */
  #withdrawBut(all: readonly Held[]): void {
    const { network, updates } = this.#parts;
    const wanted = new Set([
      ...this.#held.map(({ payload }) => payload),
      ...this.#held.slice(0, TRACKS_KEPT).map(({ reference }) => reference),
    ]);
    const had = all.flatMap(({ payload, reference }) =>
      updates.hasTracks ? [payload, reference] : [payload],
    );
    for (const digest of had) if (!wanted.has(digest)) network.withdraw(digest);
  }
}
