import assert from "node:assert/strict";
import type { PeerId } from "../../types.ts";

/**
 * Values by peer, in a fixed order; a change gives a new table. A `Map` copied for every event costs a large
 * neighbourhood most of its time; here versions share the keys.
 */
export class PeerTable<T> implements Iterable<readonly [PeerId, T]> {
  readonly #entries: readonly (readonly [PeerId, T])[];
  readonly #places: ReadonlyMap<PeerId, number>;

  private constructor(
    entries: readonly (readonly [PeerId, T])[],
    places: ReadonlyMap<PeerId, number>,
  ) {
    this.#entries = entries;
    this.#places = places;
  }

  /** A table of entries, in their order; a peer occurs once. */
  static of<T>(entries: Iterable<readonly [PeerId, T]>): PeerTable<T> {
    const list = [...entries];
    return new PeerTable(list, new Map(list.map(([peer], place) => [peer, place])));
  }

  get size(): number {
    return this.#entries.length;
  }

  get(peer: PeerId): T | undefined {
    const place = this.#places.get(peer);
    return place === undefined ? undefined : this.#entries[place]?.[1];
  }

  /** This table with another value for a peer that is in it. */
  with(peer: PeerId, value: T): PeerTable<T> {
    const place = this.#places.get(peer);
    assert.ok(place !== undefined, `${peer} is in the table`);
    return new PeerTable(this.#entries.with(place, [peer, value]), this.#places);
  }

  /** This table without a peer. */
  without(peer: PeerId): PeerTable<T> {
    return PeerTable.of(this.#entries.filter(([other]) => other !== peer));
  }

  [Symbol.iterator](): Iterator<readonly [PeerId, T]> {
    return this.#entries[Symbol.iterator]();
  }
}
