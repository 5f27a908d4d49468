import type { Effect } from "../../consensus/index.ts";
import type { PeerId, Reason } from "../../types.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerState } from "./peer-state.ts";

/** The updates of others: pulled by digest, and read. */
export class Collecting {
  readonly #parts: PeerParts;
  readonly #state: PeerState;
  readonly #signal: AbortSignal;

  constructor(parts: PeerParts, state: PeerState, signal: AbortSignal) {
    this.#parts = parts;
    this.#state = state;
    this.#signal = signal;
  }

  /** Pulls a neighbour's payload and reads its state; returns why it could not be used, or null. */
  async fetch({ peer, payload, payloadBytes }: Effect & { type: "fetch" }): Promise<Reason | null> {
    const { network, updates, metrics } = this.#parts;
    const { round } = this.#state;
    const [signal, settled] = this.#deadline(round.fetching.signal);
    const outcome = await network
      .fetch(peer, { digest: payload, bytes: payloadBytes }, { signal })
      .finally(settled);
    metrics.fetches.inc({ outcome: outcome.ok ? "ok" : outcome.failure });
    // The round went on without it: it must not pass for an update of the next one.
    if (round.fetching.signal.aborted) return "late";
    if (!outcome.ok) return this.#refuse(peer, outcome.failure);
    const read = updates.accept(this.#state.memory, peer, outcome.bytes);
    if (read.verdict !== "accept") return this.#refuse(peer, read.reason);
    this.#state.memory = read.value.memory;
    round.arrived.set(peer, read.value.state);
    return null;
  }

  // --- internal ---

  /** Ends with the node, with the round, or when the longest wait is over. */
  #deadline(roundOver: AbortSignal): readonly [AbortSignal, () => void] {
    const { clock, config } = this.#parts;
    const expired = new AbortController();
    const callOff = clock.after(config.timing.fetchMaxMs, () => expired.abort());
    return [AbortSignal.any([this.#signal, roundOver, expired.signal]), callOff];
  }

  #refuse(peer: PeerId, reason: Reason): Reason {
    this.#state.round.refused.push({ peer, reason });
    return reason;
  }
}
