import type { Effect } from "../../consensus/index.ts";
import type { FetchOutcome } from "../../gossip/index.ts";
import type { PeerId, Reason } from "../../types.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { PeerState, RoundUnderWay } from "./peer-state.ts";
import { follow, type Pull } from "./tracks/following.ts";
import { Track } from "./tracks/neighbour-tracks.ts";

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
  async fetch(effect: Effect & { type: "fetch" }): Promise<Reason | null> {
    const { peer } = effect;
    const { round } = this.#state;
    const batch = this.#join(round);
    let state: Float32Array | Reason;
    try {
      state = await this.#stateOf(effect, this.#pullFrom(peer, round, batch));
    } finally {
      leave(batch);
    }
    // The round went on without it: it must not pass for an update of the next one.
    if (round.fetching.signal.aborted) return "late";
    if (typeof state === "string") return this.#refuse(peer, state);
    round.arrived.set(peer, state);
    return null;
  }

  // --- internal ---

  async #stateOf(
    { peer, round, payload, payloadBytes }: Effect & { type: "fetch" },
    pull: Pull,
  ): Promise<Float32Array | Reason> {
    const { updates, initial } = this.#parts;
    if (updates.hasTracks) {
      const { tracks } = this.#state;
      const reached = await follow({ updates, tracks, pull }, { peer, payload, round });
      return reached instanceof Track ? reached.state : reached;
    }
    const outcome = await pull({ digest: payload, bytes: payloadBytes });
    if (!outcome.ok) return outcome.failure;
    const read = updates.read(initial, outcome.bytes);
    return read.verdict === "accept" ? read.value : read.reason;
  }

  #pullFrom(peer: PeerId, round: RoundUnderWay, { signal }: Batch): Pull {
    const { network, metrics } = this.#parts;
    return async (wanted) => {
      const outcome: FetchOutcome = await network.fetch(peer, wanted, { signal });
      metrics.fetches.inc({ outcome: outcome.ok ? "ok" : outcome.failure });
      return round.fetching.signal.aborted ? LATE : outcome;
    };
  }

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

const LATE: FetchOutcome = { ok: false, failure: "timeout", detail: "the round went on" };

function leave(batch: Batch): void {
  batch.pending -= 1;
  if (batch.pending === 0) batch.callOff();
}
