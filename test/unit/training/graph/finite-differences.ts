import assert from "node:assert/strict";
import { createOnnxEngine } from "../../../../src/training/engine/onnx-engine.ts";
import { gradients } from "../../../../src/training/graph/gradient.ts";
import {
  type Arrays,
  Graph,
  type Shape,
  sizeOf,
  type Value,
} from "../../../../src/training/graph/value.ts";

export const engine = createOnnxEngine({ threads: 1 });

/** Numbers of a fixed sequence in (-1, 1) that no two tests share by accident. */
export function numbers(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) =>
    Math.sin(12.9898 * (i + 1) + 78.233 * seed),
  );
}

export interface Case {
  /** Shapes of the inputs that are differentiated. */
  readonly shapes: Readonly<Record<string, Shape>>;
  /** The value under test, of any shape. */
  build(graph: Graph, inputs: Readonly<Record<string, Value>>): Value;
  /** Inputs that are not differentiated. */
  readonly feeds?: Arrays;
  /** Turns a number in (-1, 1) into an element of every input; for functions with a domain. */
  readonly domain?: (x: number) => number;
  /** Check every n-th element. */
  readonly every?: number;
}

/**
 * The greatest difference between the VJP's gradient and central differences (f(x+h) - f(x-h)) / 2h in float64,
 * relative to the greatest element of the gradient; for the loss sum(value * fixed numbers).
 */
export async function gradientError(test: Case, sumUp: (value: Value) => Value): Promise<number> {
  const graph = new Graph();
  const names = Object.keys(test.shapes);
  const inputs: Record<string, Value> = {};
  const arrays: Record<string, Float64Array> = {};
  for (const [i, name] of names.entries()) {
    const shape = test.shapes[name] ?? [];
    inputs[name] = graph.input(name, shape, "f64");
    arrays[name] = numbers(sizeOf(shape), i + 1).map(test.domain ?? ((x) => x));
  }
  const loss = sumUp(test.build(graph, inputs));
  const found = gradients(loss, Object.values(inputs));
  const outputs = Object.fromEntries(names.map((name, i) => [`d ${name}`, found[i]]));
  const backward = await engine.compile(outputs as Record<string, Value>);
  const forward = await engine.compile({ loss });
  const feeds = { ...test.feeds, ...arrays };
  const analytic = await backward.run(feeds);
  let worst = 0;
  for (const name of names) {
    const gradient = analytic[`d ${name}`];
    const array = arrays[name];
    assert.ok(gradient instanceof Float64Array && array !== undefined);
    const greatest = Math.max(...gradient.map(Math.abs));
    assert.ok(greatest > 0, `the gradient of ${name} is not zero everywhere`);
    for (let i = 0; i < array.length; i += test.every ?? 1) {
      const difference = await centralDifference(array, i, async () => {
        const { loss: value } = await forward.run(feeds);
        return Number(value?.[0]);
      });
      worst = Math.max(worst, Math.abs(difference - Number(gradient[i])) / greatest);
    }
  }
  await backward.close();
  await forward.close();
  return worst;
}

async function centralDifference(
  array: Float64Array,
  at: number,
  lossOf: () => Promise<number>,
): Promise<number> {
  const h = 1e-5;
  const kept = array[at] ?? 0;
  array[at] = kept + h;
  const above = await lossOf();
  array[at] = kept - h;
  const below = await lossOf();
  array[at] = kept;
  return (above - below) / (2 * h);
}
