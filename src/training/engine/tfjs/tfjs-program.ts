import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Tensor } from "@tensorflow/tfjs-core";
import { computationOrder, operands } from "../../graph/gradient.ts";
import { type DType, sizeOf, type TypedArray, type Value } from "../../graph/value.ts";
import type { Arrays, Program } from "../engine.ts";
import type { LoadedBackend, TensorFlow } from "./backends.ts";
import { KERNELS } from "./kernels.ts";

/** One operation and the values that nothing needs after it. */
interface Step {
  readonly value: Value;
  readonly unneeded: readonly Value[];
}

/**
 * A graph executed value by value, each freed after its last use. What depends on constants alone is computed here,
 * once, and kept on the device until the program is closed. A run blocks the thread until it is done.
 */
export class TfjsProgram implements Program {
  readonly #backend: LoadedBackend;
  readonly #outputs: Readonly<Record<string, Value>>;
  readonly #inputs: readonly Value[];
  readonly #steps: readonly Step[];
  readonly #constants: Map<Value, Tensor>;

  /** `backend` must be the chosen one. */
  constructor(backend: LoadedBackend, outputs: Readonly<Record<string, Value>>) {
    const order = computationOrder(Object.values(outputs));
    const fixed = new Set<Value>();
    for (const value of order) {
      if (value.op !== "input" && operands(value).every((v) => fixed.has(v))) fixed.add(value);
    }
    const varying = order.filter((value) => !fixed.has(value));
    const computed = varying.filter((value) => value.op !== "input");
    const needed = new Set([...Object.values(outputs), ...computed.flatMap(operands)]);
    this.#backend = backend;
    this.#outputs = outputs;
    this.#inputs = varying.filter((value) => value.op === "input");
    this.#constants = computeConstants(
      backend.tf,
      order.filter((value) => fixed.has(value)),
      needed,
    );
    const keep = new Set([...fixed, ...Object.values(outputs)]);
    this.#steps = planSteps(computed, keep);
  }

  async run(feeds: Arrays, into: Arrays = {}): Promise<Arrays> {
    // Nothing below waits, so without this a thread that trains would never receive a message.
    await setImmediate();
    await this.#backend.choose();
    return this.#run(feeds, into);
  }

  #run(feeds: Arrays, into: Arrays): Arrays {
    const { tf } = this.#backend;
    const live = new Map<Value, Tensor>();
    try {
      for (const value of this.#inputs) live.set(value, upload(tf, value, feeds[value.name ?? ""]));
      for (const { value, unneeded } of this.#steps) {
        live.set(
          value,
          compute(tf, value, (v) => live.get(v) ?? this.#constants.get(v)),
        );
        release(live, unneeded);
      }
      const arrays: Record<string, TypedArray> = {};
      for (const [name, value] of Object.entries(this.#outputs)) {
        const tensor = live.get(value) ?? this.#constants.get(value);
        assert.ok(tensor !== undefined, `the output ${name} was computed`);
        arrays[name] = download(tensor, value, into[name]);
      }
      return arrays;
    } finally {
      release(live, [...live.keys()]);
    }
  }

  async close(): Promise<void> {
    release(this.#constants, [...this.#constants.keys()]);
  }
}

function computeConstants(
  tf: TensorFlow,
  values: readonly Value[],
  needed: ReadonlySet<Value>,
): Map<Value, Tensor> {
  const constants = new Map<Value, Tensor>();
  try {
    for (const { value, unneeded } of planSteps(values, needed)) {
      const made =
        value.op === "constant"
          ? upload(tf, value, value.data)
          : compute(tf, value, (v) => constants.get(v));
      constants.set(value, made);
      release(constants, unneeded);
    }
    return constants;
  } catch (error) {
    release(constants, [...constants.keys()]);
    throw error;
  }
}

function release(tensors: Map<Value, Tensor>, values: readonly Value[]): void {
  for (const value of values) {
    tensors.get(value)?.dispose();
    tensors.delete(value);
  }
}

/** The values in their order, each with what can be freed after it; `keep` never is. */
function planSteps(order: readonly Value[], keep: ReadonlySet<Value>): readonly Step[] {
  const used = new Set<Value>(keep);
  const backwards = [...order].reverse().map((value) => {
    const unneeded = [...new Set([value, ...operands(value)])].filter((each) => !used.has(each));
    for (const each of unneeded) used.add(each);
    return { value, unneeded };
  });
  return backwards.reverse();
}

function compute(
  tf: TensorFlow,
  value: Value,
  tensorOf: (input: Value) => Tensor | undefined,
): Tensor {
  const { op } = value;
  assert.ok(op !== "input" && op !== "constant", "an operation");
  const inputs = operands(value).map((input) => {
    const tensor = tensorOf(input);
    assert.ok(tensor !== undefined, `${input.op} computed before its use`);
    return tensor;
  });
  return tf.tidy(() => KERNELS[op](tf, value, inputs));
}

const TYPE = { f32: "float32", i64: "int32", u8: "int32", bool: "bool" } as const;

function upload(tf: TensorFlow, { name, shape, dtype }: Value, data?: TypedArray): Tensor {
  assert.ok(data !== undefined, `an array for ${name}`);
  assert.equal(data.length, sizeOf(shape), `${name} has shape [${shape}]`);
  assert.ok(dtype !== "f64", "no f64 in a compiled program");
  const elements = data instanceof BigInt64Array ? Int32Array.from(data, int32) : data;
  return tf.tensor(elements as Float32Array, [...shape], TYPE[dtype]);
}

function int32(x: bigint): number {
  assert.equal(BigInt.asIntN(32, x), x, "an integer of 32 bits");
  return Number(x);
}

const ARRAY: Readonly<Record<DType, new (length: number) => TypedArray>> = {
  f32: Float32Array,
  f64: Float64Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  bool: Uint8Array,
};

/** Copies a tensor's elements into `target`, or a new array. */
function download(
  tensor: Tensor,
  { shape, dtype }: Value,
  target: TypedArray = new ARRAY[dtype](sizeOf(shape)),
): TypedArray {
  assert.equal(target.length, sizeOf(shape), `an output has shape [${shape}]`);
  const elements = tensor.dataSync();
  if (target instanceof BigInt64Array) target.set(Array.from(elements, BigInt));
  else target.set(elements);
  return target;
}
