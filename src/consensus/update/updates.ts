import type { PeerId, Verdict } from "../../types.ts";
import { CODEC_NUMBERS, type Codec } from "./codecs/codec.ts";
import { decodeState, encodeState } from "./state-difference.ts";

/** Arrays of an update memory that are kept on disk, by name. */
export type KeptArrays = Readonly<Record<string, Float32Array>>;

/** What a peer remembers from one update to the next. */
export interface UpdateMemory {
  /** The state that an update is a difference to: the same for the author and its readers. */
  readonly reference: Float32Array;
  /** What cannot be had again after a crash. */
  readonly kept: KeptArrays;
}

/** A state that was read, and the memory after it. */
export interface ReadUpdate {
  readonly state: Float32Array;
  readonly memory: UpdateMemory;
}

/** An update made, and the memory after it. */
export interface MadeUpdate {
  readonly payload: Uint8Array;
  readonly memory: UpdateMemory;
}

/**
 * The one seam through which states become bytes and bytes become states. Pure: what it remembers comes in and goes
 * out, so that error feedback, references that move and tracks of others need no other place. Codecs have no memory.
 */
export interface Updates {
  /** Number of the codec in announcements. */
  readonly codec: number;
  /** Bytes of a payload for states of that length. */
  payloadBytes(length: number): number;
  /** The memory at the start of a run, or as it was kept: with a checkpoint, and with an update made since. */
  begin(initial: Float32Array, kept?: KeptArrays): UpdateMemory;
  /** The payload that tells others `state`. */
  offer(memory: UpdateMemory, state: Float32Array): MadeUpdate;
  /** Another peer's state from its payload; takes any bytes. */
  accept(memory: UpdateMemory, peer: PeerId, payload: Uint8Array): Verdict<ReadUpdate>;
}

/** Differences to the state that the run started from, coded without feedback: mode `gossip`. */
export function differencesToStart(codec: Codec): Updates {
  return {
    codec: CODEC_NUMBERS[codec.name],
    payloadBytes: (length) => codec.size(length),
    begin: (initial) => ({ reference: initial, kept: {} }),
    offer: (memory, state) => ({ payload: encodeState(codec, state, memory.reference), memory }),
    accept: (memory, _peer, payload) => {
      const read = decodeState(codec, payload, memory.reference);
      if (read.verdict !== "accept") return read;
      return { verdict: "accept", value: { state: read.value, memory } };
    },
  };
}
