import type { Effect } from "../../consensus/index.ts";
import type { FetchOutcome } from "../../gossip/index.ts";
import type { PeerId, Reason } from "../../types.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerState, RoundUnderWay } from "./peer-state.ts";

/** Fetches that began together, and the end of their patience. */
interface Batch {
  /** Aborted with the node, with the round, or when the longest wait is over. */
  readonly signal: AbortSignal;
  readonly callOff: () => void;
  pending: number;
}

/** The updates of others: pulled by digest, and read. */
export class Collecting {
  readonly #parts: PeerParts;
  readonly #state: PeerState;
  readonly #signal: AbortSignal;
  /** What a fetch that begins now belongs to. */
  #batch: Batch | null = null;

  constructor(parts: PeerParts, state: PeerState, signal: AbortSignal) {
    this.#parts = parts;
    this.#state = state;
    this.#signal = signal;
  }

  /** Pulls a neighbour's payload and reads its state; returns why it could not be used, or null. */
  async fetch({ peer, payload, payloadBytes }: Effect & { type: "fetch" }): Promise<Reason | null> {
    const { network, updates, metrics } = this.#parts;
    const { round } = this.#state;
    const batch = this.#join(round);
    const wanted = { digest: payload, bytes: payloadBytes };
    let outcome: FetchOutcome;
    try {
      outcome = await network.fetch(peer, wanted, { signal: batch.signal });
    } finally {
      leave(batch);
    }
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

  /** Fetches that one step asks for share a batch: a signal and a timer for each would cost more than the fetch. */
  #join({ fetching }: RoundUnderWay): Batch {
    if (this.#batch === null) {
      this.#batch = this.#open(fetching.signal);
      queueMicrotask(() => {
        this.#batch = null;
      });
    }
    this.#batch.pending += 1;
    return this.#batch;
  }

  #open(roundOver: AbortSignal): Batch {
    const { clock, config } = this.#parts;
    const expired = new AbortController();
    const callOff = clock.after(config.timing.fetchMaxMs, () => expired.abort());
    const signal = AbortSignal.any([this.#signal, roundOver, expired.signal]);
    return { signal, callOff, pending: 0 };
  }

  #refuse(peer: PeerId, reason: Reason): Reason {
    this.#state.round.refused.push({ peer, reason });
    return reason;
  }
}

// --- internal ---

function leave(batch: Batch): void {
  batch.pending -= 1;
  if (batch.pending === 0) batch.callOff();
}
