import type { PeerId, Timestamp } from "../../types.ts";

/** A connection that lasted this long was a good one: the next pause starts from the base again. */
const GOOD_CONNECTION_MS = 10_000;
/** Addresses kept of one peer; the ones heard of last are kept. */
const MAX_ADDRESSES = 8;

export interface Pace {
  readonly baseMs: number;
  readonly maxMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

interface Entry {
  addresses: readonly string[];
  failures: number;
  due: Timestamp;
  state: "idle" | "dialling" | "connected";
  connectedAt: Timestamp;
  /** Named by the operator: never forgotten for others' sake. */
  pinned: boolean;
}

/**
 * Exponential back-off with jitter: between half of and the whole of min(max, base * 2^failures). The jitter keeps
 * peers that started at the same moment from dialling at the same moment for ever.
 */
export function backOffMs(failures: number, { baseMs, maxMs, random }: Pace): number {
  const whole = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30));
  return whole * (0.5 + random() / 2);
}

/**
 * Whom to dial when. Holds no timer and no socket: time comes in as an argument. libp2p has had no dialler of its own
 * since version 2, so every connection that is to exist is in here.
 */
export class DialPlan {
  readonly #entries = new Map<PeerId, Entry>();
  readonly #pace: Pace;
  readonly #capacity: number;

  constructor(pace: Pace, capacity: number) {
    this.#pace = pace;
    this.#capacity = capacity;
  }

  /**
   * Remembers addresses of a peer; a new peer is dialled within one base pause. `patient` waits ten of them first: when
   * two peers learn of each other at the same time, one of them dials and the other is dialled.
   */
  learn(
    peer: PeerId,
    addresses: readonly string[],
    now: Timestamp,
    { pinned = false, patient = false }: { pinned?: boolean; patient?: boolean } = {},
  ): void {
    const known = this.#entries.get(peer);
    if (known !== undefined) {
      const merged = [...new Set([...addresses, ...known.addresses])];
      // what an operator wrote goes first and stays
      known.addresses = known.pinned
        ? [...new Set([...known.addresses, ...addresses])].slice(0, MAX_ADDRESSES)
        : merged.slice(0, MAX_ADDRESSES);
      known.pinned ||= pinned;
      return;
    }
    if (addresses.length === 0 || (this.#entries.size >= this.#capacity && !this.#makeRoom()))
      return;
    this.#entries.set(peer, {
      addresses: [...new Set(addresses)].slice(0, MAX_ADDRESSES),
      failures: 0,
      due: now + (this.#pace.random() + (patient ? 10 : 0)) * this.#pace.baseMs,
      state: "idle",
      connectedAt: 0,
      pinned,
    });
  }

  /** Peers whose time has come, at most `limit`, longest overdue first; they count as being dialled from now on. */
  take(now: Timestamp, limit: number): readonly { peer: PeerId; addresses: readonly string[] }[] {
    const due = [...this.#entries]
      .filter(([, entry]) => entry.state === "idle" && entry.due <= now)
      .sort(([, a], [, b]) => a.due - b.due)
      .slice(0, Math.max(0, limit));
    for (const [, entry] of due) entry.state = "dialling";
    return due.map(([peer, entry]) => ({ peer, addresses: entry.addresses }));
  }

  connected(peer: PeerId, now: Timestamp): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined || entry.state === "connected") return;
    entry.state = "connected";
    entry.connectedAt = now;
  }

  /** The connection is gone, or the attempt failed: try again after a pause that doubles. */
  lost(peer: PeerId, now: Timestamp): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    // a peer that admits and drops us at once must not be dialled at the shortest pause for ever
    const good = entry.state === "connected" && now - entry.connectedAt >= GOOD_CONNECTION_MS;
    if (good) entry.failures = 0;
    entry.state = "idle";
    entry.due = now + backOffMs(entry.failures, this.#pace);
    entry.failures += 1;
  }

  forget(peer: PeerId): void {
    this.#entries.delete(peer);
  }

  addressesOf(peer: PeerId): readonly string[] {
    return this.#entries.get(peer)?.addresses ?? [];
  }

  /** When the next peer is due; null when nobody is waiting. */
  nextDue(): Timestamp | null {
    const times = [...this.#entries.values()].filter((e) => e.state === "idle").map((e) => e.due);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Every peer with its addresses, for others. */
  book(): readonly { peer: PeerId; addresses: readonly string[] }[] {
    return [...this.#entries].map(([peer, { addresses }]) => ({ peer, addresses }));
  }

  /** Gives up the learnt peer that failed most. */
  #makeRoom(): boolean {
    const worst = [...this.#entries]
      .filter(([, entry]) => !entry.pinned && entry.state === "idle")
      .sort(([, a], [, b]) => b.failures - a.failures)[0];
    return worst !== undefined && this.#entries.delete(worst[0]);
  }
}
