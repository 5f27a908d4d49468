import type { Value } from "../graph/value.ts";
import { gelu, geluTanh } from "../layers/activations.ts";
import { refuse } from "./config-fields.ts";

/** The activations of plain feed-forward layers under the names that config.json has for them. */
const ACTIVATIONS: ReadonlyMap<string, (x: Value) => Value> = new Map([
  ["gelu", gelu],
  // Three names of one formula.
  ["gelu_new", geluTanh],
  ["gelu_fast", geluTanh],
  ["gelu_pytorch_tanh", geluTanh],
]);

/** The activation that config.json names in `key`; one that is not computed is refused. */
export function hiddenActivation(name: string, key: string, file: string): (x: Value) => Value {
  const found = ACTIVATIONS.get(name);
  if (found !== undefined) return found;
  const known = [...ACTIVATIONS.keys()].join(", ");
  throw refuse(file, `${key} is ${name}; supported: ${known}`);
}
