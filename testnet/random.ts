import { type Random, seededRandom } from "../src/random.ts";

/**
 * A seeded generator for splits and test noise.
 *
 * @param seed - Any safe integer; the labels separate the streams of one seed.
 */
export function createRandom(seed: number, ...labels: readonly (string | number)[]): Random {
  return seededRandom(hash(`${seed}/${labels.join("/")}`));
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return value;
}

/** One draw from the standard normal distribution (Box and Muller 1958). */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/** One draw from Gamma(shape, 1) (Marsaglia and Tsang 2000; shapes below 1 by their boost). */
export function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Proportions of `count` parts drawn from a symmetric Dirichlet(alpha); they sum to one. */
export function dirichlet(alpha: number, count: number, random: Random): number[] {
  const draws = Array.from({ length: count }, () => gamma(alpha, random));
  const total = draws.reduce((sum, draw) => sum + draw, 0);
  // With a tiny alpha all draws can underflow to zero: then one part has everything, as in the limit.
  if (total > 0) return draws.map((draw) => draw / total);
  const winner = Math.floor(random() * count);
  return draws.map((_, index) => (index === winner ? 1 : 0));
}
