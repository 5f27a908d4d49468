import type { KeptArrays } from "../../../consensus/index.ts";
import type { Digest, PeerId } from "../../../types.ts";
import { digestOfState } from "../manifest.ts";

/** Updates of an author that it serves, and whose announcements its neighbours remember. */
export const UPDATES_FOLLOWED = 8;
/** Rounds in which a whole track of an author is taken at most once: one that lies about them costs little more. */
const ROUNDS_A_WHOLE_TRACK = 8;
/** Bytes of tracks in a checkpoint; the others are taken whole after a restart. */
const KEPT_BYTES_MAX = 2 ** 30;
/** Kept arrays with this beginning are tracks of neighbours. */
const KEPT = "of.";

/** An announced update, as far as it is needed to follow its author. */
export interface ToldUpdate {
  readonly round: number;
  /** Digest of the state that it is a difference to. */
  readonly reference: Digest;
  readonly payload: Digest;
  readonly payloadBytes: number;
}

/** A state with its digest, which is known as soon as somebody asks. */
export class Track {
  readonly state: Float32Array;
  #digest: Digest | null = null;

  constructor(state: Float32Array) {
    this.state = state;
  }

  get digest(): Digest {
    this.#digest ??= digestOfState(this.state);
    return this.#digest;
  }
}

/** The tracks of neighbours as far as they were followed, and what the neighbours announced since. */
export class NeighbourTracks {
  /** Where every track begins. */
  readonly start: Track;
  readonly #tracks = new Map<PeerId, Track>();
  readonly #told = new Map<PeerId, readonly ToldUpdate[]>();
  readonly #takenWhole = new Map<PeerId, number>();

  constructor(initial: Float32Array, kept: KeptArrays = {}) {
    this.start = new Track(initial);
    for (const [name, state] of Object.entries(kept)) {
      if (!name.startsWith(KEPT) || state.length !== initial.length) continue;
      this.#tracks.set(name.slice(KEPT.length), new Track(state));
    }
  }

  /** Takes in what a neighbour announced. */
  hear(peer: PeerId, told: ToldUpdate): void {
    const known = this.#told.get(peer) ?? [];
    if (known.some(({ payload, round }) => payload === told.payload && round === told.round))
      return;
    const all = [...known, told].sort((a, b) => a.round - b.round);
    this.#told.set(peer, all.slice(-UPDATES_FOLLOWED));
  }

  /** Forgets an update that cannot be read. */
  forget(peer: PeerId, { payload }: ToldUpdate): void {
    this.#told.set(
      peer,
      this.toldBy(peer).filter((each) => each.payload !== payload),
    );
  }

  of(peer: PeerId): Track {
    return this.#tracks.get(peer) ?? this.start;
  }

  advance(peer: PeerId, track: Track): void {
    this.#tracks.set(peer, track);
  }

  /** What a neighbour announced, the first first. */
  toldBy(peer: PeerId): readonly ToldUpdate[] {
    return this.#told.get(peer) ?? [];
  }

  /** Whether the whole track of a neighbour may be taken in a round. */
  mayTakeWhole(peer: PeerId, round: number): boolean {
    const last = this.#takenWhole.get(peer);
    return last === undefined || round >= last + ROUNDS_A_WHOLE_TRACK;
  }

  noteTakenWhole(peer: PeerId, round: number): void {
    this.#takenWhole.set(peer, round);
  }

  /** Forgets all but these. */
  keepOnly(peers: readonly PeerId[]): void {
    const wanted = new Set(peers);
    for (const map of [this.#tracks, this.#told, this.#takenWhole]) {
      for (const peer of map.keys()) if (!wanted.has(peer)) map.delete(peer);
    }
  }

  /** The tracks as a checkpoint has them. */
  get kept(): KeptArrays {
    const most = Math.floor(KEPT_BYTES_MAX / Math.max(1, this.start.state.byteLength));
    const some = [...this.#tracks].slice(0, most);
    return Object.fromEntries(some.map(([peer, { state }]) => [KEPT + peer, state]));
  }
}
