import type { PeerId } from "../../types.ts";

/** How much of something is under way for each peer. */
export class Tally {
  readonly #counts = new Map<PeerId, number>();

  of(peer: PeerId): number {
    return this.#counts.get(peer) ?? 0;
  }

  /** Counts the work of a peer while it lasts. */
  async during(peer: PeerId, work: () => Promise<void>): Promise<void> {
    this.#add(peer, +1);
    try {
      await work();
    } finally {
      this.#add(peer, -1);
    }
  }

  #add(peer: PeerId, change: 1 | -1): void {
    const count = this.of(peer) + change;
    if (count === 0) this.#counts.delete(peer);
    else this.#counts.set(peer, count);
  }
}
