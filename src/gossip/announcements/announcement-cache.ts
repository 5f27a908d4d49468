import type { PeerId, Timestamp } from "../../types.ts";
import type { SignedAnnouncement } from "../contract.ts";
import { digestOf } from "../payloads/digest.ts";

/** Two of an author, so that a pair of contradicting announcements is kept together. */
const PER_AUTHOR = 2;
const MAX_AUTHORS = 1024;

/** The newest announcements of every author, this node's own included: what a peer that comes late is given. */
export class AnnouncementCache {
  readonly #byAuthor = new Map<PeerId, SignedAnnouncement[]>();

  add(signed: SignedAnnouncement): void {
    const { author } = signed.announcement;
    const kept = this.#byAuthor.get(author) ?? [];
    const id = digestOf(signed.bytes);
    if (kept.some((other) => digestOf(other.bytes) === id)) return;
    const newestFirst = [signed, ...kept].sort(
      (a, b) => b.announcement.sequence - a.announcement.sequence,
    );
    // re-inserting keeps the map in order of last use
    this.#byAuthor.delete(author);
    this.#byAuthor.set(author, newestFirst.slice(0, PER_AUTHOR));
    const oldest = this.#byAuthor.keys().next().value;
    if (this.#byAuthor.size > MAX_AUTHORS && oldest !== undefined) this.#byAuthor.delete(oldest);
  }

  /** Every announcement that has not expired, the most recently updated author first. */
  current(now: Timestamp): readonly SignedAnnouncement[] {
    return [...this.#byAuthor.values()]
      .reverse()
      .flat()
      .filter(({ announcement }) => announcement.expiresAt >= now);
  }
}
