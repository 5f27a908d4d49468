import type { Reason, Verdict } from "../../types.ts";
import { normOf } from "../mixing/common/common-set.ts";
import type { AgreedPoint } from "../mixing/outer-step.ts";
import { CODEC_NUMBERS, type Codec } from "./codecs/codec.ts";
import type { KeptArrays } from "./updates.ts";

/** An own update longer than this many times the norm of the last that counted is cut to it. */
const OWN_NORM_FACTOR = 4;
/** An update longer than this many times that norm is unsound. */
const NORM_FACTOR_MAX = 8;
/** Bound on a norm while none has counted yet. */
const FIRST_NORM_MAX = 1e6;

/** What a peer of mode `agreed` carries from height to height. */
export interface AgreedMemory {
  /** The state that the height starts from: the same for everybody, as is what the outer optimiser remembers. */
  readonly theta: Float32Array;
  readonly velocity: Float32Array | null;
  /** What the codec lost of updates that counted; null for nothing. */
  readonly feedback: Float32Array | null;
  /** What this peer learnt that no block has counted: it trains on from theta and this; null for nothing. */
  readonly progress: Float32Array | null;
  /** What it learnt beyond the update that is announced, while no quorum was to be had; null for nothing. */
  readonly extra: Float32Array | null;
}

/** What became of an own update. */
export type UpdateOutcome = "counted" | "left-out" | "unsound";

/** An own update, as it is sent. */
export interface MadeAgreedUpdate {
  /** What the payload tells, before it was coded. */
  readonly update: Float32Array;
  readonly payload: Uint8Array;
}

/** An update that was read, with its Euclidean norm. */
export interface SoundUpdate {
  readonly values: Float32Array;
  readonly norm: number;
}

/**
 * How updates of mode `agreed` travel: differences to the agreed state, with error feedback (Seide et al. 2014;
 * Karimireddy et al. 2019). Pure.
 */
export interface AgreedUpdates {
  readonly codec: number;
  payloadBytes(length: number): number;
  /** Where training starts. */
  start(memory: AgreedMemory): Float32Array;
  /** The update of a state that was trained from there, given the norm of the last updates that counted. */
  offer(memory: AgreedMemory, state: Float32Array, norm: number): MadeAgreedUpdate;
  /** Reads a payload; what is refused is unsound, and everybody finds so. Takes any bytes. */
  read(payload: Uint8Array, length: number, norm: number): Verdict<SoundUpdate>;
  /** Where training goes on beyond an update that is announced, made of a state. */
  beyond(memory: AgreedMemory, state: Float32Array): Float32Array;
  /** The memory when the height has ended while this peer trained beyond its update: that is progress then. */
  overtaken(memory: AgreedMemory): AgreedMemory;
  /** The memory after more training beyond an update that is announced, from one state to another. */
  trainOn(memory: AgreedMemory, from: Float32Array, to: Float32Array): AgreedMemory;
  /** The memory after a height that this peer made an update for. */
  settle(memory: AgreedMemory, made: MadeAgreedUpdate, outcome: UpdateOutcome): AgreedMemory;
  /** The memory of the next height. */
  advance(memory: AgreedMemory, point: AgreedPoint): AgreedMemory;
}

/** Differences to the agreed state with error feedback, by a codec. */
export function agreedUpdates(codec: Codec): AgreedUpdates {
  return {
    codec: CODEC_NUMBERS[codec.name],
    payloadBytes: (length) => codec.size(length),
    start: ({ theta, progress }) => (progress === null ? theta : sum(theta, progress)),
    offer({ theta, feedback }, state, norm) {
      const gained = difference(state, theta);
      const whole = feedback === null ? gained : sum(gained, feedback);
      const update = norm === 0 ? whole : shortened(whole, OWN_NORM_FACTOR * norm);
      return { update, payload: codec.encode(update) };
    },
    read(payload, length, norm) {
      const decoded = codec.decode(payload, length);
      if (!decoded.ok) return { verdict: "reject", reason: decoded.reason };
      const { values } = decoded;
      const size = normOf(values);
      const most = norm === 0 ? FIRST_NORM_MAX : NORM_FACTOR_MAX * norm;
      const reason: Reason = "too-large";
      return size <= most
        ? { verdict: "accept", value: { values, norm: size } }
        : { verdict: "reject", reason };
    },
    beyond: ({ extra }, state) => plus(extra, state),
    overtaken: ({ extra, ...memory }) => ({
      ...memory,
      extra: null,
      progress: extra === null ? memory.progress : plus(memory.progress, extra),
    }),
    trainOn: (memory, from, to) => ({
      ...memory,
      extra: plus(memory.extra, difference(to, from)),
    }),
    settle({ theta, velocity, extra }, { update, payload }, outcome) {
      const none = { theta, velocity, feedback: null, progress: null, extra: null };
      if (outcome === "unsound") return none;
      if (outcome === "left-out") return { ...none, progress: plus(extra, update) };
      const decoded = codec.decode(payload, update.length);
      const lost = decoded.ok ? difference(update, decoded.values) : null;
      return { ...none, feedback: lost, progress: extra };
    },
    advance: (memory, { theta, velocity }) => ({ ...memory, theta, velocity }),
  };
}

/** The memory as it is kept on disk, without theta. */
export function keptMemory({ velocity, feedback, progress, extra }: AgreedMemory): KeptArrays {
  return {
    ...(velocity === null ? {} : { velocity }),
    ...(feedback === null ? {} : { feedback }),
    ...(progress === null ? {} : { progress }),
    ...(extra === null ? {} : { extra }),
  };
}

/** Inverse of {@link keptMemory}. */
export function restoredMemory(theta: Float32Array, kept: KeptArrays = {}): AgreedMemory {
  const { velocity = null, feedback = null, progress = null, extra = null } = kept;
  return { theta, velocity, feedback, progress, extra };
}

// --- internal ---

function sum(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value + (b[i] as number));
}

function plus(a: Float32Array | null, b: Float32Array): Float32Array {
  return a === null ? b : sum(a, b);
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - (b[i] as number));
}

function shortened(values: Float32Array, most: number): Float32Array {
  const norm = normOf(values);
  return norm <= most ? values : values.map((value) => value * (most / norm));
}
