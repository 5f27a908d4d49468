import { dimension } from "../../graph/shapes.ts";
import type { Value } from "../../graph/value.ts";

/**
 * What each value that is used as an index must stay below; reshapes are seen through. The wasm kernels read and write
 * wherever an index points to.
 */
export function indexLimits(order: readonly Value[]): ReadonlyMap<Value, number> {
  const limits = new Map<Value, number>();
  for (const value of order) {
    const [x, indices] = value.inputs;
    const limit = x === undefined ? undefined : limitOf(value, x);
    if (indices === undefined || limit === undefined) continue;
    const source = unshaped(indices);
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

function unshaped(value: Value): Value {
  const [source] = value.inputs;
  return value.op === "reshape" && source !== undefined ? unshaped(source) : value;
}
