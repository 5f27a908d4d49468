import { KlatchError } from "../../errors.ts";
import { CODEC_NUMBERS, type Codec } from "./codecs/codec.ts";
import { decodeState, encodeState } from "./state-difference.ts";
import type { UpdateMemory, Updates } from "./updates.ts";

/**
 * Mode `gossip` with feedback. Every peer has a public track: the state that all who followed its updates know. An update
 * is the difference of the state to it, so what a codec lost is in the next one. Neighbours mix tracks, as CHOCO-SGD
 * does (Koloskova et al. 2019) with a step of 1: x_i <- x_i + sum w_ij (track_j - track_i).
 */
export function differencesToTracks(codec: Codec): Updates {
  return {
    codec: CODEC_NUMBERS[codec.name],
    hasTracks: true,
    payloadBytes: (length) => codec.size(length),
    begin: (initial, { reference = initial, track = initial } = {}) => remembered(reference, track),
    offer({ track }, state) {
      const payload = encodeState(codec, state, track);
      const told = decodeState(codec, payload, track);
      if (told.verdict !== "accept") throw diverged();
      return { payload, memory: remembered(track, told.value) };
    },
    read: (reference, payload) => decodeState(codec, payload, reference),
    // As far from the own state as the neighbour's track is from the own one: every rule goes by such differences.
    toMix: ({ track }, own, told) =>
      told.map((value, i) => value + ((own[i] as number) - (track[i] as number))),
    takeOver: (_memory, state) => remembered(state, state),
  };
}

// --- internal ---

function diverged(): KlatchError {
  return new KlatchError(
    "diverged",
    "The state grew beyond what a single holds: training diverged.",
    "Lower run.optimizer.learningRate.",
  );
}

function remembered(reference: Float32Array, track: Float32Array): UpdateMemory {
  return { reference, track, kept: { reference, track } };
}
