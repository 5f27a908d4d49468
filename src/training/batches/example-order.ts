import assert from "node:assert/strict";
import { seededRandom, shuffled } from "../../random.ts";

/**
 * The examples of training step `step` (from 0): consecutive runs of `batchSize` from an endless sequence of epochs,
 * each a permutation of its own drawn from (seed, epoch). `orders` keeps the permutations from one step to the next, so
 * that a large set is not shuffled at every step; those of epochs that are over are let go.
 */
export function stepExamples(
  count: number,
  batchSize: number,
  seed: number,
  step: number,
  orders = new Map<number, readonly number[]>(),
): readonly number[] {
  assert.ok(count > 0, "examples to draw from");
  const current = Math.floor((step * batchSize) / count);
  for (const epoch of orders.keys()) if (epoch < current) orders.delete(epoch);
  return Array.from({ length: batchSize }, (_, i) => {
    const at = step * batchSize + i;
    const epoch = Math.floor(at / count);
    const order = orders.get(epoch) ?? epochOrder(count, seed, epoch);
    orders.set(epoch, order);
    const index = order[at % count];
    assert.ok(index !== undefined);
    return index;
  });
}

function epochOrder(count: number, seed: number, epoch: number): readonly number[] {
  const indices = Array.from({ length: count }, (_, i) => i);
  return shuffled(
    indices,
    seededRandom((Math.imul(seed, 0x9e3779b1) ^ Math.imul(epoch + 1, 0x85ebca6b)) >>> 0),
  );
}
