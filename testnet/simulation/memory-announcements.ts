import type { SignedAnnouncement } from "../../src/gossip/index.ts";
import type { PeerId } from "../../src/types.ts";

/** Announcements of an author that a peer holds for those who connect later: two, for what contradicts itself. */
const HELD_PER_AUTHOR = 2;

/** What a simulated process has heard. */
export class HeardAnnouncements {
  readonly #newest = new Map<PeerId, readonly SignedAnnouncement[]>();
  readonly #known = new WeakSet<SignedAnnouncement>();

  add(signed: SignedAnnouncement): void {
    const { author } = signed.announcement;
    this.#known.add(signed);
    const inOrder = [...(this.#newest.get(author) ?? []), signed].sort(
      (a, b) => a.announcement.sequence - b.announcement.sequence,
    );
    this.#newest.set(author, inOrder.slice(-HELD_PER_AUTHOR));
  }

  has(signed: SignedAnnouncement): boolean {
    return this.#known.has(signed);
  }

  /** What it tells those who connect. */
  newest(): readonly SignedAnnouncement[] {
    return [...this.#newest.values()].flat();
  }
}
