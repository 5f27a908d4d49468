import type { Reason, Verdict } from "../../types.ts";
import { normOf } from "../mixing/common/common-set.ts";
import type { AgreedPoint } from "../mixing/outer-step.ts";
import { CODEC_NUMBERS, type Codec, type Decoded } from "./codecs/codec.ts";
import { countIn } from "./codecs/codec-header.ts";
import { int8Codec } from "./codecs/level-codec.ts";
import { Ranks } from "./ranks.ts";
import { difference, movedBy } from "./state-difference.ts";
import type { KeptArrays } from "./updates.ts";

/** Of an own update longer than this many times the norm of the last that counted, so much is told. */
const OWN_NORM_FACTOR = 4;
/** What is to be told beyond this many times that norm is given up: so far off it leads nowhere. */
const TOLD_NORM_FACTOR_MAX = 16;
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

/** What became of an own update; `harmful`: it was sound, and most members had called those of late harmful. */
export type UpdateOutcome = "counted" | "left-out" | "harmful" | "unsound";

/** What an update follows upon: the height that it is for, and the norm of the last updates that counted. */
export interface UpdateGround {
  readonly height: number;
  readonly norm: number;
}

/** How updates are coded in a run. */
export interface FeedbackTerms {
  /** Of the run, 32 bits: decides what a codec that takes turns tells in which. */
  readonly seed: number;
  /** Share of what the codec lost that is added to the next update. */
  readonly feedback: number;
  /** First heights in which an update travels as int8, where the codec tells less than that. */
  readonly warmUp: number;
}

/** Which ranks updates may have, and which those of a node do. */
export interface OwnRank {
  readonly ranks: Ranks;
  readonly own: number;
}

/** Updates are of the whole adapter. */
const WHOLE: OwnRank = { ranks: new Ranks(new Uint16Array()), own: 1 };

/** An own update, as it is sent. */
export interface MadeAgreedUpdate {
  readonly height: number;
  /** What the payload tells, before it was coded; zero beyond the own rank. */
  readonly update: Float32Array;
  /** What was cut off it, and is told later; null for nothing. */
  readonly rest: Float32Array | null;
  readonly payload: Uint8Array;
}

/** An update that was read. */
export interface SoundUpdate {
  /** Of the whole adapter: zero beyond the rank. */
  readonly values: Float32Array;
  readonly rank: number;
  /** Euclidean; of a lower rank that which as large values everywhere would have. */
  readonly norm: number;
}

/**
 * How updates of mode `agreed` travel: differences to the agreed state, with error feedback (Seide et al. 2014;
 * Karimireddy et al. 2019). Pure.
 */
export interface AgreedUpdates {
  /** The ranks that updates may have. */
  readonly ranks: Ranks;
  /** Number of the codec of a height. */
  codec(height: number): number;
  /** Of an update of the whole adapter: no other has more. */
  payloadBytes(height: number, length: number): number;
  /** Where training starts. */
  start(memory: AgreedMemory): Float32Array;
  /** The update of a state that was trained from there. */
  offer(memory: AgreedMemory, state: Float32Array, ground: UpdateGround): MadeAgreedUpdate;
  /** Reads a payload; what is refused is unsound, and everybody finds so. Takes any bytes. */
  read(payload: Uint8Array, length: number, ground: UpdateGround): Verdict<SoundUpdate>;
  /** Where training goes on beyond an update that is announced, made of a state. */
  beyond(memory: AgreedMemory, state: Float32Array): Float32Array;
  /** The memory after more training beyond an update that is announced, from one state to another. */
  trainOn(memory: AgreedMemory, from: Float32Array, to: Float32Array): AgreedMemory;
  /** The memory after a height that this peer made an update for. */
  settle(memory: AgreedMemory, made: MadeAgreedUpdate, outcome: UpdateOutcome): AgreedMemory;
  /** The memory of the next height. */
  advance(memory: AgreedMemory, point: AgreedPoint): AgreedMemory;
}

/** Differences to the agreed state with error feedback, by a codec. */
export function agreedUpdates(
  codec: Codec,
  { seed, feedback: decay, warmUp }: FeedbackTerms = { seed: 0, feedback: 1, warmUp: 0 },
  { ranks, own }: OwnRank = WHOLE,
): AgreedUpdates {
  const turnOf = (round: number) => ({ seed, round });
  const codecOf = (height: number) =>
    height < warmUp && codec.name !== "float32" ? int8Codec : codec;
  const decoded = (payload: Uint8Array, length: number, height: number): Decoded =>
    codecOf(height).decode(payload, toldLength(payload, ranks) ?? length, turnOf(height));
  return {
    ranks,
    codec: (height) => CODEC_NUMBERS[codecOf(height).name],
    payloadBytes: (height, length) => codecOf(height).size(length),
    start: ({ theta, progress }) => (progress === null ? theta : movedBy(theta, progress)),
    offer({ theta, feedback }, state, { height, norm }) {
      const gained = difference(state, theta);
      const whole = feedback === null ? gained : movedBy(gained, feedback, decay);
      const part = ranks.take(whole, 0, own);
      const { told, rest } = cut(part, norm / stretch(part, theta.length));
      const payload = codecOf(height).encode(told, turnOf(height));
      const onAll = (values: Float32Array) => spread(values, theta.length, ranks);
      return { height, update: onAll(told), rest: rest && onAll(rest), payload };
    },
    read(payload, length, { height, norm }) {
      const told = decoded(payload, length, height);
      if (!told.ok) return { verdict: "reject", reason: told.reason };
      const size = normOf(told.values) * stretch(told.values, length);
      const most = norm === 0 ? FIRST_NORM_MAX : NORM_FACTOR_MAX * norm;
      const reason: Reason = "too-large";
      if (size > most) return { verdict: "reject", reason };
      const rank = ranks.rankOf(told.values.length) ?? ranks.most;
      const values = spread(told.values, length, ranks);
      return { verdict: "accept", value: { values, rank, norm: size } };
    },
    beyond: ({ extra }, state) => plus(extra, state),
    trainOn: (memory, from, to) => ({
      ...memory,
      extra: plus(memory.extra, difference(to, from)),
    }),
    settle({ theta, velocity, extra }, { height, update, rest, payload }, outcome) {
      const none = { theta, velocity, feedback: null, progress: null, extra: null };
      if (outcome === "unsound") return none;
      const later = rest === null ? extra : plus(extra, rest);
      if (outcome === "left-out") return { ...none, progress: plus(later, update) };
      // sent again with the next it would harm twice
      if (outcome === "harmful") return { ...none, progress: later };
      const told = decoded(payload, update.length, height);
      const lost = told.ok ? difference(update, spread(told.values, update.length, ranks)) : null;
      return { ...none, feedback: lost, progress: later };
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

/** What an update of that norm may tell of what there is to tell, and what is left for later. */
function cut(
  whole: Float32Array,
  norm: number,
): { readonly told: Float32Array; readonly rest: Float32Array | null } {
  if (norm === 0) return { told: whole, rest: null };
  const kept = shortened(whole, TOLD_NORM_FACTOR_MAX * norm);
  const told = shortened(kept, OWN_NORM_FACTOR * norm);
  return { told, rest: told === kept ? null : difference(kept, told) };
}

/** How many values a payload says that it tells, where that makes a rank. */
function toldLength(payload: Uint8Array, ranks: Ranks): number | null {
  const count = countIn(payload);
  return count === null || ranks.rankOf(count) === null ? null : count;
}

/** By what the norm of some of so many values grows, if the others are as large. */
function stretch(part: Float32Array, length: number): number {
  return Math.sqrt(length / part.length);
}

/** An update as one of the whole adapter. */
function spread(told: Float32Array, length: number, ranks: Ranks): Float32Array {
  if (told.length === length) return told;
  const whole = new Float32Array(length);
  ranks.put(whole, told, 0, ranks.rankOf(told.length) ?? 0);
  return whole;
}

function plus(a: Float32Array | null, b: Float32Array): Float32Array {
  return a === null ? b : movedBy(a, b);
}

function shortened(values: Float32Array, most: number): Float32Array {
  const norm = normOf(values);
  return norm <= most ? values : values.map((value) => value * (most / norm));
}
