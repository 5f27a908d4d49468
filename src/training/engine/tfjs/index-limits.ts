import { dimension } from "../../graph/shapes.ts";
import type { Op, Value } from "../../graph/value.ts";

/**
 * What each value that is used as an index must stay below; parts of values are seen through. The wasm kernels
 * read and write wherever an index points to.
 */
export function indexLimits(order: readonly Value[]): ReadonlyMap<Value, number> {
  const limits = new Map<Value, number>();
  for (const value of order) {
    const [x, indices] = value.inputs;
    const limit = x === undefined ? undefined : limitOf(value, x);
    if (indices === undefined || limit === undefined) continue;
    const source = whole(indices);
    limits.set(source, Math.min(limit, limits.get(source) ?? limit));
  }
  return limits;
}

function limitOf(value: Value, x: Value): number | undefined {
  switch (value.op) {
    case "gatherRows":
      return dimension(x.shape, 0);
    case "scatterAddRows":
      return dimension(value.shape, 0);
    case "pickColumns":
      return dimension(x.shape, 1);
    case "placeColumns":
      return dimension(value.shape, 1);
    default:
      return undefined;
  }
}

/** Operations whose elements all are elements of what they are applied to. */
const PARTS: ReadonlySet<Op> = new Set(["reshape", "slice", "gatherRows"]);

function whole(value: Value): Value {
  const [source] = value.inputs;
  return PARTS.has(value.op) && source !== undefined ? whole(source) : value;
}
