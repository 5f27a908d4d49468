import type { Verdict } from "../../types.ts";
import type { Codec } from "./codecs/codec.ts";

/** How far one state is from another of its length. */
export function difference(to: Float32Array, from: Float32Array): Float32Array {
  const result = new Float32Array(to.length);
  for (let i = 0; i < to.length; i++) result[i] = (to[i] as number) - (from[i] as number);
  return result;
}

/** A state and a share of a difference to it: each sum in float64, rounded once. */
export function movedBy(from: Float32Array, by: Float32Array, share = 1): Float32Array {
  // A loop: `map` of a typed array takes five times as long.
  const result = new Float32Array(from.length);
  for (let i = 0; i < from.length; i++) {
    result[i] = (from[i] as number) + share * (by[i] as number);
  }
  return result;
}

/**
 * What travels is the difference of a state to one that all readers know. It is smaller than the state, so a low-bit
 * codec loses less. It is as good as the state, because mixing is affine.
 */
export function encodeState(
  codec: Codec,
  state: Float32Array,
  reference: Float32Array,
): Uint8Array {
  return codec.encode(difference(state, reference));
}

/** Inverse of `encodeState`; the length and the finiteness of hostile bytes are the codec's to check. */
export function decodeState(
  codec: Codec,
  bytes: Uint8Array,
  reference: Float32Array,
): Verdict<Float32Array> {
  const decoded = codec.decode(bytes, reference.length);
  if (!decoded.ok) return { verdict: "reject", reason: decoded.reason };
  const state = new Float32Array(reference.length);
  for (let i = 0; i < state.length; i++) {
    state[i] = (decoded.values[i] as number) + (reference[i] as number);
    if (!Number.isFinite(state[i])) return { verdict: "reject", reason: "non-finite" };
  }
  return { verdict: "accept", value: state };
}
