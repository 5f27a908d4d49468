import { medianOf } from "./common/common-set.ts";
import { type Geometry, geometryOf } from "./common/geometry.ts";
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
  const known = authors.flatMap(({ before }, author) =>
    before.slice(0, ROUNDS_REMEMBERED).map((update, lag) => ({ author, lag, update })),
  );
  const updates = [...authors.map(({ now }) => now), ...known.map(({ update }) => update)];
  const geometry = geometryOf(updates);
  const earlier = known.map(({ author, lag }, i) => ({ author, lag, at: authors.length + i }));
  const likeness = authors.map((_, author) => likenessOf(geometry, author, earlier));
  const norms = authors.map((_, author) => geometry.norms[author] as number);
  const shortest = LIKENESS.shortest * medianOf(norms);
  return likeness.map((own, author) =>
    (norms[author] as number) < shortest ? "short" : unlike(own, likeness),
  );
}

/** The coordinates of an update that are looked at: one of each stretch, not all of one column. */
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

interface Earlier {
  readonly author: number;
  readonly lag: number;
  /** Among the updates of the geometry. */
  readonly at: number;
}

function likenessOf(
  geometry: Geometry,
  author: number,
  earlier: readonly Earlier[],
): EarlierLikeness {
  const cosines = (of: readonly Earlier[]) => of.map(({ at }) => geometry.cosine(author, at));
  const others = earlier.filter((each) => each.author !== author);
  const sums = Array.from({ length: ROUNDS_REMEMBERED }, (_, lag) =>
    cosineWithSum(
      geometry,
      author,
      others.filter((each) => each.lag === lag),
    ),
  );
  return {
    own: largest(cosines(earlier.filter((each) => each.author === author))),
    other: largest(cosines(others)),
    mean: largest(sums.flatMap((cosine) => cosine ?? [])),
  };
}

function cosineWithSum(
  { product, norms }: Geometry,
  author: number,
  others: readonly Earlier[],
): number | null {
  if (others.length === 0) return null;
  let along = 0;
  let square = 0;
  for (const { at } of others) {
    along += product(author, at);
    for (const { at: also } of others) square += product(at, also);
  }
  const lengths = (norms[author] as number) * Math.sqrt(Math.max(0, square));
  return lengths === 0 ? 0 : along / lengths;
}

function unlike({ own, other, mean }: EarlierLikeness, all: readonly EarlierLikeness[]): Unlearnt {
  if (own === null || other === null || mean === null) return null;
  const most = (of: keyof EarlierLikeness) => medianOf(all.flatMap((each) => each[of] ?? []));
  const consistent = most("own");
  if (consistent < LEARNT.againMost && 1 - own < LEARNT.again * (1 - consistent)) return "again";
  const isBorrowed = (cosine: number, of: "other" | "mean") =>
    cosine > most(of) + LEARNT.borrowed && cosine > own + LEARNT.ownLess;
  if (isBorrowed(other, "other")) return "copied";
  if (isBorrowed(mean, "mean")) return "mean";
  if (consistent < LEARNT.consistentMin || own >= LEARNT.consistent * consistent) return null;
  return "noise";
}

function largest(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((most, value) => Math.max(most, value));
}
