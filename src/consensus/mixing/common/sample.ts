import type { CommonSet } from "./common-set.ts";

const COUNT = 9;
const LENGTH = 1_000;

/**
 * A set that is the same everywhere, of 9 updates around a common direction: of numbers 2 and 5 one is a copy, 7 points
 * away from the others, 8 is short. Two nodes whose mixes of it differ in a bit cannot agree on a checkpoint.
 */
export function sampleSet(): CommonSet {
  const draw = generator();
  const common = Float64Array.from({ length: LENGTH }, draw);
  const drawn = Array.from({ length: COUNT }, (_, index) => {
    const scale = scaleOf(index);
    return Float32Array.from(common, (at) => scale * (at + draw()));
  });
  const updates = drawn.map((update, index) => (index === 5 ? (drawn[2] ?? update) : update));
  const shares = updates.map((_, index) => (index % 3 === 0 ? 1 : 2) / 15);
  return { updates, shares, attackersMax: 2 };
}

// --- internal ---

function scaleOf(index: number): number {
  if (index === 7) return -3;
  return index === 8 ? 0.25 : 1;
}

/** Numbers in [-1, 1) from a 32-bit linear congruential generator; every product is exact. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (1664525 * state + 1013904223) % 4294967296;
    return state / 2147483648 - 1;
  };
}
