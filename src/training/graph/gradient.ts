import assert from "node:assert/strict";
import { axisOf, numberOf } from "./attributes.ts";
import { add } from "./elementwise.ts";
import { concat, pad } from "./movement.ts";
import { dimension } from "./shapes.ts";
import type { Value, Vjp } from "./value.ts";

/** Every value that `outputs` depend on, each after its inputs. */
export function topologicalOrder(outputs: readonly Value[]): readonly Value[] {
  return orderBy(outputs, ({ inputs }) => inputs);
}

function orderBy(
  outputs: readonly Value[],
  before: (value: Value) => readonly Value[],
): readonly Value[] {
  const order: Value[] = [];
  const seen = new Set<Value>();
  // A stack of our own: the values of a deep model form longer chains than calls can.
  const open: { readonly value: Value; readonly inputs: readonly Value[]; next: number }[] = [];
  const enter = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    open.push({ value, inputs: before(value), next: 0 });
  };
  for (const output of outputs) {
    enter(output);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const input = top.inputs[top.next];
      top.next += 1;
      if (input !== undefined) {
        enter(input);
        continue;
      }
      order.push(top.value);
      open.pop();
    }
  }
  return order;
}

/**
 * What computing `outputs` takes, each value after those it is computed from: its `operands`, unless the caller
 * computes some values otherwise.
 */
export function computationOrder(
  outputs: readonly Value[],
  operandsOf: (value: Value) => readonly Value[] = operands,
): readonly Value[] {
  return orderBy(outputs, operandsOf);
}

/** The inputs from which a value is computed; a custom gradient's other inputs only receive its gradient. */
export function operands(value: Value): readonly Value[] {
  return value.op === "custom" ? value.inputs.slice(0, 1) : value.inputs;
}

/**
 * `output` with a gradient rule of its own: `vjp` gives dL/d(input) for each of `inputs`. It is for where the chain
 * rule through the operations that made `output` would do needless work.
 */
export function withGradient(output: Value, inputs: readonly Value[], vjp: Vjp): Value {
  const { graph, shape, dtype } = output;
  return graph.value({
    op: "custom",
    inputs: [output, ...inputs],
    shape,
    dtype,
    vjp: (gradient) => [undefined, ...vjp(gradient)],
  });
}

/** `value` as a constant in the eyes of the gradient. */
export function detach(value: Value): Value {
  return withGradient(value, [], () => []);
}

/**
 * Reverse-mode differentiation: d(loss)/d(value) for each of `wanted`, built as new values of the same graph.
 * Only values between `wanted` and `loss` get gradients, so frozen weights cost nothing.
 */
export function gradients(loss: Value, wanted: readonly Value[]): readonly Value[] {
  assert.equal(loss.shape.length, 0, "the gradient of a scalar");
  const order = topologicalOrder([loss]);
  const active = dependents(order, wanted);
  const gradient = new Map<Value, Value>([[loss, loss.graph.scalar(1, loss.dtype)]]);
  for (const value of [...order].reverse()) {
    const upstream = gradient.get(value);
    if (upstream === undefined || !active.has(value)) continue;
    for (const [input, part] of contributions(value, upstream)) {
      if (!active.has(input)) continue;
      const sofar = gradient.get(input);
      gradient.set(
        input,
        sofar === undefined ? part : (joinedPads(part, sofar) ?? add(sofar, part)),
      );
    }
  }
  return wanted.map((value) => {
    const found = gradient.get(value);
    assert.ok(found !== undefined, `the loss depends on ${value.name ?? value.op}`);
    return found;
  });
}

/**
 * The sum of two padded values whose parts lie side by side, as one concatenation. The slices of a fused projection
 * hand such values down, the last one first.
 */
function joinedPads(first: Value, second: Value): Value | undefined {
  const [a, b] = [first.inputs[0], second.inputs[0]];
  if (first.op !== "pad" || second.op !== "pad" || a === undefined || b === undefined)
    return undefined;
  const axis = axisOf(first);
  if (axis !== axisOf(second)) return undefined;
  const start = numberOf(first, "before");
  if (start + dimension(a.shape, axis) !== numberOf(second, "before")) return undefined;
  return pad(concat([a, b], axis), axis, start, numberOf(second, "after"));
}

/** `wanted` and every value of `order` that has a gradient rule and depends on them. */
function dependents(order: readonly Value[], wanted: readonly Value[]): ReadonlySet<Value> {
  const active = new Set<Value>(wanted);
  for (const value of order) {
    if (value.vjp !== undefined && value.inputs.some((v) => active.has(v))) active.add(value);
  }
  return active;
}

/** What `value` hands down to each of its inputs. */
function contributions(value: Value, upstream: Value): readonly (readonly [Value, Value])[] {
  const parts = value.vjp?.(upstream) ?? [];
  return value.inputs.flatMap((input, i) => {
    const part = parts[i];
    return part === undefined ? [] : [[input, part] as const];
  });
}
