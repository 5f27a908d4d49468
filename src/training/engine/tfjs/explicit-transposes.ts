import { numberOf } from "../../graph/attributes.ts";
import { computationOrder } from "../../graph/gradient.ts";
import { matmul } from "../../graph/matmul.ts";
import { transpose } from "../../graph/movement.ts";
import type { Value } from "../../graph/value.ts";

/**
 * The same outputs computed without transposed matrix products, which are 10 to 60 times slower than plain ones in
 * the wasm kernels. A transpose that several products share is one value, and one of a constant is made only once.
 */
export function explicitTransposes(
  outputs: Readonly<Record<string, Value>>,
): Readonly<Record<string, Value>> {
  const rewritten = new Map<Value, Value>();
  const replacement = (value: Value): Value => rewritten.get(value) ?? value;
  for (const value of computationOrder(Object.values(outputs))) {
    rewritten.set(value, rewrite(value, value.inputs.map(replacement)));
  }
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name, replacement(value)]),
  );
}

function rewrite(value: Value, inputs: readonly Value[]): Value {
  const [a, b] = inputs;
  if (value.op === "matmul" && a !== undefined && b !== undefined) {
    const left = numberOf(value, "transposeA") === 1 ? swapped(a) : a;
    const right = numberOf(value, "transposeB") === 1 ? swapped(b) : b;
    return matmul(left, right, { alpha: numberOf(value, "alpha") });
  }
  const unchanged = inputs.every((input, i) => input === value.inputs[i]);
  return unchanged ? value : value.graph.value({ ...value, inputs });
}

/** x with its last two dimensions exchanged. */
function swapped(x: Value): Value {
  const order = x.shape.map((_, i) => i);
  return transpose(x, [...order.slice(0, -2), ...order.slice(-2).reverse()]);
}
