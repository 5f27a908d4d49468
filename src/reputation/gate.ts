import assert from "node:assert/strict";
import type { PeerId } from "../types.ts";

/** Losses on a private batch, and how strictly to judge them. */
export interface GateInput {
  /** Loss at one's own state, nats per token. */
  readonly base: number;
  /** Loss after a small step towards each candidate, in the order of `peers`. */
  readonly stepped: readonly number[];
  readonly peers: readonly PeerId[];
  /** At most this many vetoes, so that honest peers with unusual data cannot all be cut. */
  readonly vetoesMax: number;
  /** Least distance below the median gain, as a share of the base loss. */
  readonly marginMin?: number;
  /** The distance is also at least this many times the median absolute deviation of the gains. */
  readonly madFactor?: number;
  /** And at least this share of the median gain itself: where every step hurts, more of it is needed to stand out. */
  readonly medianFactor?: number;
}

/** What the gate says of each candidate. */
export interface GateVerdict {
  /**
   * Relative gains (base - stepped) / base, in the order of `peers`; negative is harm, -Infinity a loss that is no
   * number.
   */
  readonly gains: readonly number[];
  /** Worst first. */
  readonly vetoed: readonly PeerId[];
}

/**
 * Chosen by measurement on ten organisations, one domain each and Dirichlet split. The form of UBAR and Mozi, which
 * vetoes whatever harms beyond a margin (0.01, 2 MAD), cuts a fifth of all honest strangers; this one cuts under two
 * in a hundred.
 */
export const GATE_DEFAULTS = { marginMin: 0.02, madFactor: 4, medianFactor: 0.5 } as const;

/**
 * Rows that `auto` stands for. With so few the gate vetoes what it vetoes with 32 (docs/BENCHMARKS.md, section 4).
 */
const AUTO_ROWS = { least: 6, most: 32 } as const;
/** Most that judging may cost, as a share of the round's training, as far as the least number of rows allows it. */
const COST_SHARE = 0.1;
/** An example that is trained on costs as much as so many that are read at one state. */
const READ_FOR_TRAINED = 2;

/**
 * Held-out rows to judge a round's updates by: each row is read at one's own state and once for each update.
 *
 * @param rows - A number of rows, or as many as cost little
 * @param updates - To be judged
 * @param trained - Examples that one's own training takes in the round
 */
export function rowsToJudge(
  rows: number | "auto",
  { updates, trained }: { readonly updates: number; readonly trained: number },
): number {
  if (rows !== "auto") return rows;
  const affordable = Math.floor((COST_SHARE * READ_FOR_TRAINED * trained) / (updates + 1));
  return Math.max(AUTO_ROWS.least, Math.min(AUTO_ROWS.most, affordable));
}

/**
 * The private held-out gate. A candidate is vetoed when all of this holds:
 *
 * - a small step towards it raises the loss on private data;
 * - its gain lies below the median of all gains by more than max(marginMin, madFactor · MAD, medianFactor ·
 *   |median|);
 * - it is among the `vetoesMax` worst.
 *
 * With one or two candidates nobody can be an outlier among peers. Then the median counts as a gain of 0 and the
 * deviation as 0: a step that costs more than `marginMin` of the loss makes an outlier.
 */
export function judgeGate(input: GateInput): GateVerdict {
  const { base, stepped, peers } = input;
  assert.equal(stepped.length, peers.length, "one loss for each candidate");
  assert.ok(Number.isFinite(base) && base >= 0, "the loss at one's own state is a number");
  const gains = stepped.map((loss) => gainOf(base, loss));
  const threshold = thresholdOf(gains, { ...GATE_DEFAULTS, ...input });
  const vetoed = gains
    .map((gain, index) => ({ gain, peer: peers[index] ?? "" }))
    .sort((a, b) => compareGains(a.gain, b.gain) || (a.peer < b.peer ? -1 : 1))
    .slice(0, Math.max(0, input.vetoesMax))
    .filter(({ gain }) => gain < 0 && gain < threshold)
    .map(({ peer }) => peer);
  return { gains, vetoed };
}

/** -Infinity minus -Infinity is not a number, so no subtraction. */
function compareGains(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function gainOf(base: number, loss: number): number {
  if (!Number.isFinite(loss)) return Number.NEGATIVE_INFINITY;
  // A base of 0 cannot improve: any loss is harm without bound, none is no change.
  if (base === 0) return loss > 0 ? Number.NEGATIVE_INFINITY : 0;
  return (base - loss) / base;
}

function thresholdOf(
  gains: readonly number[],
  options: Required<Pick<GateInput, "marginMin" | "madFactor" | "medianFactor">>,
): number {
  const { marginMin, madFactor, medianFactor } = options;
  if (gains.length <= 2) return -marginMin;
  const centre = medianOf(gains);
  const deviations = gains.map((gain) => (gain === centre ? 0 : Math.abs(gain - centre)));
  const deviation = medianOf(deviations);
  // A majority of losses that are no numbers leaves no scale: only the harm itself can be judged.
  if (!(Number.isFinite(centre) && Number.isFinite(deviation))) return -marginMin;
  return centre - Math.max(marginMin, madFactor * deviation, medianFactor * Math.abs(centre));
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort(compareGains);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  if (sorted.length % 2 === 1) return upper;
  const lower = sorted[middle - 1] ?? upper;
  return lower === upper ? upper : (lower + upper) / 2;
}
