import { add, scale } from "./elementwise.ts";
import { concat, reshape, slice } from "./movement.ts";
import { sum } from "./reduction.ts";
import { sizeOf, type Value } from "./value.ts";

/**
 * x, in a form that cannot be computed before `earlier` are. An engine that may choose its order would else compute
 * copies as early as their originals, or take them for the same. Numbers of `earlier` that are not finite make x so
 * too.
 */
export function after(x: Value, earlier: readonly Value[]): Value {
  const firsts = earlier.map((value) => slice(reshape(value, [sizeOf(value.shape)]), 0, 0, 1));
  if (firsts.length === 0) return x;
  return add(x, scale(sum(concat(firsts, 0), [0]), 0));
}
