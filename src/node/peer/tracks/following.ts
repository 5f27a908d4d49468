import type { Updates } from "../../../consensus/index.ts";
import type { FetchOutcome } from "../../../gossip/index.ts";
import type { Digest, PeerId, Reason } from "../../../types.ts";
import { type NeighbourTracks, type ToldUpdate, Track } from "./neighbour-tracks.ts";

/** Bytes of a digest, pulled from the author that is followed. */
export type Pull = (wanted: {
  readonly digest: Digest;
  readonly bytes: number;
}) => Promise<FetchOutcome>;

/** A track, or why it could not be had. */
type Reached = Track | Reason;

/**
 * Brings the track of a neighbour up to an announced update, and through it: pulls the payloads that were missed, as far
 * as their announcements are known and the author has them, else the whole track. Whatever was followed stays, also when
 * the rest could not be had.
 */
export async function follow(
  { updates, tracks, pull }: { updates: Updates; tracks: NeighbourTracks; pull: Pull },
  { peer, payload, round }: { peer: PeerId; payload: Digest; round: number },
): Promise<Reached> {
  const told = tracks.toldBy(peer);
  const update = told.find((each) => each.payload === payload);
  if (update === undefined) return "missing";
  const sizeOfAll = updates.payloadBytes(tracks.start.state.length);
  if (update.payloadBytes !== sizeOfAll) return "wrong-shape";
  const through = async (track: Track, next: ToldUpdate): Promise<Reached> => {
    const after = await stepThrough(updates, pull, track, next);
    if (after instanceof Track) tracks.advance(peer, after);
    else if (!isNothing(after)) tracks.forget(peer, next);
    return after;
  };
  const earlier = told.filter(
    ({ round: of, payloadBytes }) => of < update.round && payloadBytes === sizeOfAll,
  );
  const before =
    (await throughMissed(tracks, peer, earlier, update.reference, through)) ??
    (await takeWhole(tracks, peer, round, update.reference, pull));
  return before instanceof Track ? through(before, update) : before;
}

// --- internal ---

/** The track at a digest, reached through updates that were missed; null where that is no way to it. */
async function throughMissed(
  tracks: NeighbourTracks,
  peer: PeerId,
  earlier: readonly ToldUpdate[],
  wanted: Digest,
  through: (track: Track, next: ToldUpdate) => Promise<Reached>,
): Promise<Track | null> {
  if (wanted === tracks.start.digest) return tracks.start;
  let track = tracks.of(peer);
  for (let left = earlier; track.digest !== wanted; ) {
    const { digest } = track;
    const next = left.find(({ reference }) => reference === digest);
    if (next === undefined) return null;
    left = left.filter((each) => each !== next);
    const after = await through(track, next);
    if (!(after instanceof Track)) return null;
    track = after;
  }
  return track;
}

async function takeWhole(
  tracks: NeighbourTracks,
  peer: PeerId,
  round: number,
  digest: Digest,
  pull: Pull,
): Promise<Reached> {
  if (!tracks.mayTakeWhole(peer, round)) return "other-track";
  const { byteLength } = tracks.start.state;
  const outcome = await pull({ digest, bytes: byteLength });
  // Who gave nothing may be asked again in the next round.
  if (!outcome.ok && isNothing(outcome.failure)) return outcome.failure;
  tracks.noteTakenWhole(peer, round);
  // A limit of this node's own is no fault of the author.
  if (!outcome.ok) return outcome.failure === "too-large" ? "other-track" : outcome.failure;
  const state = new Float32Array(Uint8Array.from(outcome.bytes).buffer);
  return state.every(Number.isFinite) ? new Track(state) : "non-finite";
}

function isNothing(failure: Reason): boolean {
  return failure === "timeout" || failure === "unreachable" || failure === "missing";
}

async function stepThrough(
  updates: Updates,
  pull: Pull,
  track: Track,
  { payload: digest, payloadBytes: bytes }: ToldUpdate,
): Promise<Reached> {
  const outcome = await pull({ digest, bytes });
  if (!outcome.ok) return outcome.failure;
  const read = updates.read(track.state, outcome.bytes);
  return read.verdict === "accept" ? new Track(read.value) : read.reason;
}
