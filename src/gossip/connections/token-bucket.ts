import type { PeerId, Timestamp } from "../../types.ts";

/** Peers remembered where nothing is said; who was not heard for longest is forgotten first. */
const MAX_PEERS = 4096;

export interface BucketSize {
  /** Events allowed at once. */
  readonly burst: number;
  /** One more event is allowed after each of these pauses. */
  readonly refillMs: number;
  /** How many are remembered. */
  readonly maxPeers?: number;
}

/** A token bucket for each peer, or whatever has a name: so many events at once, then so many in a time. */
export class TokenBuckets {
  readonly #size: BucketSize;
  readonly #levels = new Map<PeerId, { tokens: number; at: Timestamp }>();

  constructor(size: BucketSize) {
    this.#size = size;
  }

  /** Whether the peer has a token left. */
  has(peer: PeerId, now: Timestamp): boolean {
    return this.#tokens(peer, now) >= 1;
  }

  /** Gives a token back that was taken. */
  give(peer: PeerId): void {
    const level = this.#levels.get(peer);
    if (level !== undefined) level.tokens = Math.min(this.#size.burst, level.tokens + 1);
  }

  /** Takes one token of the peer; false when it has none left. */
  take(peer: PeerId, now: Timestamp): boolean {
    const refilled = this.#tokens(peer, now);
    const allowed = refilled >= 1;
    // re-inserting keeps the map in order of last use
    this.#levels.delete(peer);
    this.#levels.set(peer, { tokens: allowed ? refilled - 1 : refilled, at: now });
    const oldest = this.#levels.keys().next().value;
    const { maxPeers = MAX_PEERS } = this.#size;
    if (this.#levels.size > maxPeers && oldest !== undefined) this.#levels.delete(oldest);
    return allowed;
  }

  #tokens(peer: PeerId, now: Timestamp): number {
    const { burst, refillMs } = this.#size;
    const level = this.#levels.get(peer) ?? { tokens: burst, at: now };
    return Math.min(burst, level.tokens + Math.max(0, now - level.at) / refillMs);
  }
}
