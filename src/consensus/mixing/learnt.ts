import { medianOf, normOf } from "./common/common-set.ts";
import { combine } from "./common/geometry.ts";
import { LIKENESS } from "./common/likeness.ts";
import type { Vector } from "./contributions.ts";

/** Coordinates that are looked at: what has nothing in common then has cosines of 1/128. */
const SAMPLE = 16_384;
/** Rounds that are remembered of each author. */
export const ROUNDS_REMEMBERED = 3;
/** So few authors have no median to stand out from. */
const AUTHORS_MIN = 4;

/** Thresholds, from honest updates of a small language model (docs/BENCHMARKS.md, section 4). */
export const LEARNT = {
  /** An update this much nearer to an own earlier one than most are to theirs is that one again, */
  again: 0.1,
  /** unless most cosines with own earlier ones are above this: then honest updates hardly change from round to round. */
  againMost: 0.95,
  /** How far above most authors' a cosine with earlier updates of others must lie to be borrowed, */
  borrowed: 0.2,
  /** and how far above that with own earlier ones: of two alike, the one that was there first is the original. */
  ownLess: 0.02,
  /** What follows from no data has less than this part of most authors' cosine with their own earlier updates, */
  consistent: 0.5,
  /** where that is at least this: near the optimum honest updates are noise themselves. */
  consistentMin: 0.2,
} as const;

/** What an author sent: in this round, and in those before as far as they are known, the newest first. */
export interface Sent {
  readonly now: Vector;
  readonly before: readonly Vector[];
}

/** What an update may be instead of learnt, in words for a person. */
export const UNLEARNT = {
  short: "much shorter than those of most others",
  again: "what it sent before, once more",
  copied: "like an earlier one of another",
  mean: "like the mean of others' earlier ones",
  noise: "like nothing that it sent before",
} as const;

/** Null of an update that looks learnt. */
export type Unlearnt = keyof typeof UNLEARNT | null;

/**
 * Who sends nothing that it learnt. Honest updates are about as long as those of others, and each is most like the
 * earlier ones of its own author, whose data stay the same: too short, most like an earlier one of another or like the
 * mean of the others', its own once more, or like none at all are signs of free riders and plagiarists, noise included
 * as long as it does not hide what was copied.
 *
 * An honest peer without any more to learn looks the same, so this is an opinion and no proof.
 */
export function unlearnt(authors: readonly Sent[]): readonly Unlearnt[] {
  if (authors.length < AUTHORS_MIN) return authors.map(() => null);
  const rounds = Array.from({ length: ROUNDS_REMEMBERED }, (_, lag) => earlierRound(authors, lag));
  const norms = authors.map(({ now }) => normOf(now));
  const likeness = authors.map(({ now }, author) =>
    likenessOf({ now, length: norms[author] as number }, author, rounds),
  );
  const usual = usualOf(likeness);
  const shortest = LIKENESS.shortest * medianOf(norms);
  return likeness.map((own, author) =>
    (norms[author] as number) < shortest ? "short" : unlike(own, usual),
  );
}

/** The coordinates of an update, or of a state, that are looked at: one of each stretch, not all of one column. */
export function sampled(update: Float32Array): Float32Array {
  if (update.length <= SAMPLE) return update;
  const stretch = update.length / SAMPLE;
  return Float32Array.from({ length: SAMPLE }, (_, i) => {
    const offset = ((i * 7919) % 1024) / 1024;
    return update[Math.floor((i + offset) * stretch)] as number;
  });
}

// --- internal ---

/** Largest cosines with earlier updates; null where there are none. */
interface EarlierLikeness {
  readonly own: number | null;
  readonly other: number | null;
  /** With the sum of the others' in one round. */
  readonly mean: number | null;
}

/** What is known of a round before. */
interface EarlierRound {
  readonly sent: readonly {
    readonly author: number;
    readonly update: Vector;
    readonly norm: number;
  }[];
  readonly sum: Float64Array;
}

function earlierRound(authors: readonly Sent[], lag: number): EarlierRound {
  const sent = authors.flatMap(({ before }, author) => {
    const { [lag]: update } = before;
    return update === undefined ? [] : [{ author, update, norm: normOf(update) }];
  });
  const updates = sent.map(({ update }) => update);
  return { sent, sum: combine(updates, Array(updates.length).fill(1)) };
}

function likenessOf(
  { now, length }: { readonly now: Vector; readonly length: number },
  author: number,
  rounds: readonly EarlierRound[],
): EarlierLikeness {
  const least = Number.NEGATIVE_INFINITY;
  let [own, other, mean] = [least, least, least];
  for (const { sent, sum } of rounds) {
    let others = 0;
    let along = 0;
    let ownUpdate: Vector | undefined;
    for (const { author: by, update, norm } of sent) {
      const product = dot(now, update);
      const cosine = quotient(product, length * norm);
      if (by === author) {
        ownUpdate = update;
        if (cosine > own) own = cosine;
        continue;
      }
      if (cosine > other) other = cosine;
      others += 1;
      along += product;
    }
    if (others > 0) mean = Math.max(mean, quotient(along, length * normOfOthers(sum, ownUpdate)));
  }
  const known = (cosine: number) => (cosine === least ? null : cosine);
  return { own: known(own), other: known(other), mean: known(mean) };
}

/** Norm of what the others sent in a round in all: the sum of that round without the own part. */
function normOfOthers(sum: Float64Array, own: Vector | undefined): number {
  if (own === undefined) return normOf(sum);
  let square = 0;
  for (let k = 0; k < sum.length; k += 1) {
    const value = (sum[k] as number) - (own[k] as number);
    square += value * value;
  }
  return Math.sqrt(square);
}

function dot(a: Vector, b: Vector): number {
  let product = 0;
  for (let k = 0; k < a.length; k += 1) product += (a[k] as number) * (b[k] as number);
  return product;
}

function quotient(product: number, lengths: number): number {
  return lengths === 0 ? 0 : product / lengths;
}

/** The median author's cosines. */
type Usual = Readonly<Record<keyof EarlierLikeness, number>>;

/** Null where nothing is known of any author's earlier updates. */
function usualOf(all: readonly EarlierLikeness[]): Usual | null {
  const known = (of: keyof EarlierLikeness) => all.flatMap((each) => each[of] ?? []);
  const [own, other, mean] = [known("own"), known("other"), known("mean")];
  if (own.length === 0 || other.length === 0 || mean.length === 0) return null;
  return { own: medianOf(own), other: medianOf(other), mean: medianOf(mean) };
}

function unlike({ own, other, mean }: EarlierLikeness, usual: Usual | null): Unlearnt {
  if (own === null || other === null || mean === null || usual === null) return null;
  const consistent = usual.own;
  if (consistent < LEARNT.againMost && 1 - own < LEARNT.again * (1 - consistent)) return "again";
  const isBorrowed = (cosine: number, of: "other" | "mean") =>
    cosine > usual[of] + LEARNT.borrowed && cosine > own + LEARNT.ownLess;
  if (isBorrowed(other, "other")) return "copied";
  if (isBorrowed(mean, "mean")) return "mean";
  if (consistent < LEARNT.consistentMin || own >= LEARNT.consistent * consistent) return null;
  return "noise";
}
