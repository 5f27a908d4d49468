import type { Verdict } from "../../types.ts";
import { CODEC_NUMBERS, type Codec } from "./codecs/codec.ts";
import { decodeState, encodeState } from "./state-difference.ts";

/** Arrays of an update memory that are kept on disk, by name. */
export type KeptArrays = Readonly<Record<string, Float32Array>>;

/** What a peer remembers of its own updates from one to the next. */
export interface UpdateMemory {
  /** The state that the last update is a difference to. */
  readonly reference: Float32Array;
  /** The state that the next update is a difference to. */
  readonly track: Float32Array;
  /** What cannot be had again after a crash. */
  readonly kept: KeptArrays;
}

/** An update made, and the memory after it. */
export interface MadeUpdate {
  readonly payload: Uint8Array;
  readonly memory: UpdateMemory;
}

/**
 * The one seam through which states become bytes and bytes become states. Pure: what it remembers comes in and goes
 * out, so that references that move need no other place. Codecs have no memory.
 */
export interface Updates {
  /** Number of the codec in announcements. */
  readonly codec: number;
  /** Whether each author's updates are differences to a state of its own, which others follow. */
  readonly hasTracks: boolean;
  /** Bytes of a payload for states of that length. */
  payloadBytes(length: number): number;
  /** The memory at the start of a run, or as it was kept: with a checkpoint, and with an update made since. */
  begin(initial: Float32Array, kept?: KeptArrays): UpdateMemory;
  /** The payload that tells others `state`. */
  offer(memory: UpdateMemory, state: Float32Array): MadeUpdate;
  /** What a payload tells of its author's state, given what it is a difference to; takes any bytes. */
  read(reference: Float32Array, payload: Uint8Array): Verdict<Float32Array>;
  /** What a peer at state `own` mixes of a neighbour's state that it was told. */
  toMix(memory: UpdateMemory, own: Float32Array, told: Float32Array): Float32Array;
  /** The memory of a peer that goes on from a state of others. */
  takeOver(memory: UpdateMemory, state: Float32Array): UpdateMemory;
}

/** Differences to the state that the run started from, coded without feedback: mode `gossip`. */
export function differencesToStart(codec: Codec): Updates {
  return {
    codec: CODEC_NUMBERS[codec.name],
    hasTracks: false,
    payloadBytes: (length) => codec.size(length),
    begin: (initial) => ({ reference: initial, track: initial, kept: {} }),
    offer: (memory, state) => ({ payload: encodeState(codec, state, memory.track), memory }),
    read: (reference, payload) => decodeState(codec, payload, reference),
    toMix: (_memory, _own, told) => told,
    takeOver: (memory) => memory,
  };
}
