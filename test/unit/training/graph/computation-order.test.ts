import fc from "fast-check";
import { expect, test } from "vitest";
import { add } from "../../../../src/training/graph/elementwise.ts";
import { computationOrder } from "../../../../src/training/graph/gradient.ts";
import { Graph, type Value } from "../../../../src/training/graph/value.ts";

/** The order in which a recursion over the inputs finishes, which is what engines run by. */
function byRecursion(outputs: readonly Value[]): readonly Value[] {
  const order = new Set<Value>();
  const visit = (value: Value): void => {
    if (order.has(value)) return;
    for (const input of value.inputs) visit(input);
    order.add(value);
  };
  for (const output of outputs) visit(output);
  return [...order];
}

test("values come after their inputs, from the first input on", () => {
  const pairs = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(pairs, (choices) => {
      const graph = new Graph();
      const values: Value[] = [graph.input("x", [1], "f32"), graph.input("y", [1], "f32")];
      for (const [a, b] of choices) {
        const pick = (i: number) => values[i % values.length] as Value;
        values.push(add(pick(a), pick(b)));
      }
      const outputs = values.slice(-2);

      expect(computationOrder(outputs)).toEqual(byRecursion(outputs));
    }),
  );
});

test("a chain of values may be longer than calls can be deep", () => {
  const graph = new Graph();
  const step = graph.input("step", [1], "f32");
  let x = graph.input("x", [1], "f32");
  for (let i = 0; i < 100_000; i += 1) x = add(x, step);

  expect(computationOrder([x])).toHaveLength(100_002);
  expect(() => byRecursion([x])).toThrow(RangeError);
});
