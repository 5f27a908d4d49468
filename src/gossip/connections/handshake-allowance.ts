import type { Timestamp } from "../../types.ts";
import { type BucketSize, TokenBuckets } from "./token-bucket.ts";

export interface HandshakeRates {
  /** Handshakes in vain of a host from which no member has come. */
  readonly strangers: BucketSize;
  /** The same of one at which a member is or was: others behind its router share its address. */
  readonly homes: BucketSize;
}

/** Hosts of members that are remembered, the last ones. */
const MAX_HOMES = 2048;

/**
 * How many handshakes each host may begin that let nobody in. A handshake costs whoever answers some milliseconds, and
 * whoever asks next to nothing. One that lets a member in costs its host nothing, so that no member pays for another,
 * and only those that share an address with a stranger pay for that.
 */
export class HandshakeAllowance {
  readonly #strangers: TokenBuckets;
  readonly #homes: TokenBuckets;
  readonly #members = new Set<string>();

  constructor({ strangers, homes }: HandshakeRates) {
    this.#strangers = new TokenBuckets(strangers);
    this.#homes = new TokenBuckets(homes);
  }

  /** Whether the host may begin a handshake now; a look that takes nothing. */
  has(host: string, now: Timestamp): boolean {
    return this.#of(host).has(host, now);
  }

  /** Begins a handshake; false when the host has begun too many. */
  take(host: string, now: Timestamp): boolean {
    return this.#of(host).take(host, now);
  }

  /** A member is at this host; with a handshake that the host had begun it takes that back. */
  isHome(host: string, { hasBegun }: { readonly hasBegun: boolean }): void {
    if (hasBegun) this.#of(host).give(host);
    this.#members.delete(host);
    this.#members.add(host);
    const [oldest] = this.#members;
    if (this.#members.size > MAX_HOMES && oldest !== undefined) this.#members.delete(oldest);
  }

  #of(host: string): TokenBuckets {
    return this.#members.has(host) ? this.#homes : this.#strangers;
  }
}
