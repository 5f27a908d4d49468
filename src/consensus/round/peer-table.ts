import assert from "node:assert/strict";
import type { PeerId } from "../../types.ts";

/**
 * Values by peer, in a fixed order; a change gives a new table. A `Map` copied for every event costs a large
 * neighbourhood most of its time; here versions share the keys.
 */
export class PeerTable<T> implements Iterable<readonly [PeerId, T]> {
  readonly peers: readonly PeerId[];
  /** In the order of `peers`. Reading these alone is several times as fast as reading pairs. */
  readonly values: readonly T[];
  readonly #places: ReadonlyMap<PeerId, number>;

  private constructor(
    peers: readonly PeerId[],
    values: readonly T[],
    places: ReadonlyMap<PeerId, number>,
  ) {
    this.peers = peers;
    this.values = values;
    this.#places = places;
  }

  /** A table of entries, in their order; a peer occurs once. */
  static of<T>(entries: Iterable<readonly [PeerId, T]>): PeerTable<T> {
    const list = [...entries];
    const peers = list.map(([peer]) => peer);
    const places = new Map(peers.map((peer, place) => [peer, place]));
    return new PeerTable(
      peers,
      list.map(([, value]) => value),
      places,
    );
  }

  get size(): number {
    return this.peers.length;
  }

  get(peer: PeerId): T | undefined {
    const place = this.#places.get(peer);
    return place === undefined ? undefined : this.values[place];
  }

  /** This table with another value for a peer that is in it. */
  with(peer: PeerId, value: T): PeerTable<T> {
    const place = this.#places.get(peer);
    assert.ok(place !== undefined, `${peer} is in the table`);
    return new PeerTable(this.peers, this.values.with(place, value), this.#places);
  }

  /** This table without a peer. */
  without(peer: PeerId): PeerTable<T> {
    return PeerTable.of([...this].filter(([other]) => other !== peer));
  }

  *[Symbol.iterator](): Iterator<readonly [PeerId, T]> {
    for (const [place, peer] of this.peers.entries()) yield [peer, this.values[place] as T];
  }
}
