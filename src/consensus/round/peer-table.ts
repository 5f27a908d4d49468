import assert from "node:assert/strict";
import type { PeerId } from "../../types.ts";

/** What is counted over the values of a table, with one value more or with one less. */
export type Count<T, C> = (tally: C, value: T, by: 1 | -1) => C;

/**
 * Values by peer, in a fixed order, and what is counted over them; a change gives a new table. A `Map` copied for
 * every event costs a large neighbourhood most of its time, and so does counting anew; here versions share the keys,
 * and every change of a value is counted where it is made.
 */
export class PeerTable<T, C> implements Iterable<readonly [PeerId, T]> {
  readonly peers: readonly PeerId[];
  /** In the order of `peers`. Reading these alone is several times as fast as reading pairs. */
  readonly values: readonly T[];
  readonly tally: C;
  readonly #places: ReadonlyMap<PeerId, number>;
  readonly #count: Count<T, C>;

  private constructor(
    peers: readonly PeerId[],
    values: readonly T[],
    tally: C,
    count: Count<T, C>,
    places: ReadonlyMap<PeerId, number> = placesOf(peers),
  ) {
    this.peers = peers;
    this.values = values;
    this.tally = tally;
    this.#count = count;
    this.#places = places;
  }

  /**
   * A table of entries, in their order; a peer occurs once.
   *
   * @param none - the tally of no values
   */
  static of<T, C>(
    entries: Iterable<readonly [PeerId, T]>,
    none: C,
    count: Count<T, C>,
  ): PeerTable<T, C> {
    const list = [...entries];
    const values = list.map(([, value]) => value);
    const peers = list.map(([peer]) => peer);
    return new PeerTable(peers, values, total(values, none, count), count);
  }

  get size(): number {
    return this.peers.length;
  }

  get(peer: PeerId): T | undefined {
    const place = this.#places.get(peer);
    return place === undefined ? undefined : this.values[place];
  }

  /** This table with another value for a peer that is in it. */
  with(peer: PeerId, value: T): PeerTable<T, C> {
    const place = this.#places.get(peer);
    assert.ok(place !== undefined, `${peer} is in the table`);
    const rest = this.#count(this.tally, this.values[place] as T, -1);
    return this.#of(this.values.with(place, value), this.#count(rest, value, 1));
  }

  /** This table without a peer. */
  without(peer: PeerId): PeerTable<T, C> {
    const gone = this.#places.get(peer);
    if (gone === undefined) return this;
    const tally = this.#count(this.tally, this.values[gone] as T, -1);
    const [peers, values] = [this.peers.toSpliced(gone, 1), this.values.toSpliced(gone, 1)];
    return new PeerTable(peers, values, tally, this.#count);
  }

  /**
   * This table with every value changed, or with something else counted over its values.
   *
   * @param none - the tally of no values
   */
  map(change: (value: T, peer: PeerId) => T, none: C): PeerTable<T, C> {
    const values = this.values.map((value, place) => change(value, this.peers[place] as PeerId));
    return this.#of(values, total(values, none, this.#count));
  }

  /** Peers whose values are such, in order. */
  peersWhere(isSuch: (value: T) => boolean): readonly PeerId[] {
    return this.peers.filter((_, place) => isSuch(this.values[place] as T));
  }

  *[Symbol.iterator](): Iterator<readonly [PeerId, T]> {
    for (const [place, peer] of this.peers.entries()) yield [peer, this.values[place] as T];
  }

  // --- internal ---

  /** The same peers with other values. */
  #of(values: readonly T[], tally: C): PeerTable<T, C> {
    return new PeerTable(this.peers, values, tally, this.#count, this.#places);
  }
}

// --- internal ---

function placesOf(peers: readonly PeerId[]): ReadonlyMap<PeerId, number> {
  return new Map(peers.map((peer, place) => [peer, place]));
}

function total<T, C>(values: readonly T[], none: C, count: Count<T, C>): C {
  return values.reduce((tally, value) => count(tally, value, 1), none);
}
