import type { PeerId, Timestamp } from "../../types.ts";

/** Who may connect: the allow-list less whoever is refused for a while or for good. */
export class Membership {
  #members: ReadonlySet<PeerId> | "anyone";
  /** Until when a peer is refused. */
  readonly #refused = new Map<PeerId, Timestamp>();
  readonly #now: () => Timestamp;

  constructor(members: readonly PeerId[] | "anyone", now: () => Timestamp) {
    this.#members = members === "anyone" ? members : new Set(members);
    this.#now = now;
  }

  /** Members to be connected with, or 0 when anyone may be one. */
  get size(): number {
    return this.#members === "anyone" ? 0 : this.#members.size;
  }

  /**
   * From now on these are the members, where not anyone may be one.
   *
   * @returns who is none any more
   */
  replace(members: readonly PeerId[]): readonly PeerId[] {
    if (this.#members === "anyone") return [];
    const next = new Set(members);
    const gone = [...this.#members].filter((peer) => !next.has(peer));
    this.#members = next;
    return gone;
  }

  isMember(peer: PeerId): boolean {
    return this.#members === "anyone" || this.#members.has(peer);
  }

  admits(peer: PeerId): boolean {
    return this.isMember(peer) && (this.#refused.get(peer) ?? 0) <= this.#now();
  }

  /** Refuses a peer until then; `Infinity` until the process ends. */
  refuse(peer: PeerId, until: Timestamp): void {
    const expired = [...this.#refused].filter(([, time]) => time <= this.#now());
    for (const [id] of expired) this.#refused.delete(id);
    this.#refused.set(peer, Math.max(until, this.#refused.get(peer) ?? 0));
  }
}
