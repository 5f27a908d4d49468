import { greaterOrEqual } from "../../../../src/training/graph/elementwise.ts";
import { gradients } from "../../../../src/training/graph/gradient.ts";
import { max } from "../../../../src/training/graph/reduction.ts";
import { type Arrays, Graph, sizeOf, type Value } from "../../../../src/training/graph/value.ts";
import { type Case, numbers } from "./finite-differences.ts";
import { BLOCKS, OPERATIONS, PACKED, two, weightedSum } from "./operator-cases.ts";

/** What has no gradient. */
const STATISTICS: Readonly<Record<string, Case>> = {
  max: two([3, 40], [1], (x) => max(x, [1])),
  greaterOrEqual: two([4, 1], [4, 1], greaterOrEqual),
  "greaterOrEqual of a value with itself": two([4, 1], [1], (x) => greaterOrEqual(x, x)),
};

/** Every case, and every gradient of it, in one float32 graph: one program shows all of an engine. */
export function everyOperation(): {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly feeds: Arrays;
} {
  const graph = new Graph();
  const outputs: Record<string, Value> = {};
  const feeds: Record<string, Arrays[string]> = {};
  const addCase = (title: string, each: Case, differentiable: boolean) => {
    const inputs: Record<string, Value> = {};
    for (const [name, shape] of Object.entries(each.shapes)) {
      const full = `${name} of ${title}`;
      inputs[name] = graph.input(full, shape, "f32");
      const drawn = numbers(sizeOf(shape), Object.keys(feeds).length + 1);
      feeds[full] = Float32Array.from(drawn, each.domain ?? ((x) => x));
    }
    const value = each.build(graph, inputs);
    outputs[title] = value;
    if (!differentiable) return;
    const found = gradients(weightedSum(value), Object.values(inputs));
    for (const [i, name] of Object.keys(inputs).entries()) {
      outputs[`gradient of ${name} of ${title}`] = found[i] as Value;
    }
  };
  for (const [title, each] of Object.entries({ ...OPERATIONS, ...BLOCKS, ...PACKED })) {
    addCase(title, each, true);
  }
  for (const [title, each] of Object.entries(STATISTICS)) addCase(title, each, false);
  return { outputs, feeds };
}
