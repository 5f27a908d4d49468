import type { PeerId } from "../../types.ts";

export interface SlotLimits {
  readonly total: number;
  readonly perPeer: number;
  /** How long a peer keeps its only slot while others have none, milliseconds; Infinity lets nobody give way. */
  readonly turnMs: number;
}

/** A place among the transfers. */
export interface Slot {
  readonly peer: PeerId;
  readonly since: number;
  /** Aborts when the transfer has to make room. */
  readonly signal: AbortSignal;
}

interface Held extends Slot {
  readonly end: AbortController;
}

/**
 * The transfers to others that are under way. When all slots are taken, a peer that has none gets one: first from
 * whoever has most, and where everybody has one, from whoever has had it longest. What it costs an honest peer is a new
 * stream: a transfer goes on where it was.
 */
export class TransferSlots {
  readonly #limits: SlotLimits;
  /** The oldest first. */
  readonly #held = new Set<Held>();

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  get taken(): number {
    return this.#held.size;
  }

  /** Whether a peer has one. */
  has(peer: PeerId): boolean {
    return this.#countOf(peer) > 0;
  }

  /** A slot for one more transfer of a peer; null when it has to come again. */
  take(peer: PeerId, now: number): Slot | null {
    const own = this.#countOf(peer);
    if (own >= this.#limits.perPeer) return null;
    if (this.#held.size >= this.#limits.total && (own > 0 || !this.#makeRoom(now))) return null;
    const end = new AbortController();
    const slot: Held = { peer, since: now, end, signal: end.signal };
    this.#held.add(slot);
    return slot;
  }

  /** Gives a slot back; once more does no harm. */
  release(slot: Slot): void {
    this.#held.delete(slot as Held);
  }

  #countOf(peer: PeerId): number {
    return [...this.#held].filter((slot) => slot.peer === peer).length;
  }

  #makeRoom(now: number): boolean {
    const { turnMs } = this.#limits;
    if (turnMs === Number.POSITIVE_INFINITY) return false;
    const counts = new Map<PeerId, number>();
    for (const { peer } of this.#held) counts.set(peer, (counts.get(peer) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const found = [...this.#held].find(({ peer }) => counts.get(peer) === most);
    if (found === undefined || (most === 1 && now - found.since < turnMs)) return false;
    this.#held.delete(found);
    found.end.abort();
    return true;
  }
}
