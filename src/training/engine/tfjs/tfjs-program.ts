import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Tensor } from "@tensorflow/tfjs-core";
import { topologicalOrder } from "../../graph/gradient.ts";
import type { Arrays, TypedArray, Value } from "../../graph/value.ts";
import type { Program } from "../engine.ts";
import type { LoadedBackend, TensorFlow } from "./backends.ts";
import { indexLimits } from "./index-limits.ts";
import { KERNELS } from "./kernels.ts";
import { download, type KeptTensors, upload } from "./tensors.ts";

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
  readonly #limits: ReadonlyMap<Value, number>;
  readonly #constants: Map<Value, Tensor>;
  readonly #kept: KeptTensors;

  /** `backend` must be the chosen one, and `outputs` rewritten to operations that have kernels. */
  constructor(backend: LoadedBackend, outputs: Readonly<Record<string, Value>>, kept: KeptTensors) {
    const order = topologicalOrder(Object.values(outputs));
    const fixed = new Set<Value>();
    for (const value of order) {
      const held = value.op !== "input";
      if (held && value.inputs.every((v) => fixed.has(v))) fixed.add(value);
    }
    const varying = order.filter((value) => !fixed.has(value));
    const computed = varying.filter((value) => value.op !== "input");
    const needed = new Set([
      ...Object.values(outputs),
      ...computed.flatMap((value) => value.inputs),
    ]);
    this.#backend = backend;
    this.#outputs = outputs;
    this.#kept = kept;
    this.#limits = indexLimits(order);
    this.#inputs = varying.filter((value) => value.op === "input");
    this.#constants = this.#compute(
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
    const lent = new Map<Value, Tensor>(this.#constants);
    try {
      for (const value of this.#inputs) {
        const data = feeds[value.name ?? ""];
        if (isPacked(value)) continue;
        const make = () => upload(tf, value, data, this.#limits.get(value));
        const kept = this.#kept.get(data, make);
        if (kept === undefined) live.set(value, make());
        else lent.set(value, kept);
      }
      // Uploaded for each use: on the device packed weights take as much as others.
      const tensorOf = (value: Value) =>
        value.op === "input" && isPacked(value)
          ? upload(tf, value, feeds[value.name ?? ""])
          : (live.get(value) ?? lent.get(value));
      for (const { value, unneeded } of this.#steps) {
        live.set(value, compute(tf, value, tensorOf));
        release(live, unneeded);
      }
      const arrays: Record<string, TypedArray> = {};
      for (const [name, value] of Object.entries(this.#outputs)) {
        const tensor = tensorOf(value);
        assert.ok(tensor !== undefined, `the output ${name} was computed`);
        arrays[name] = download(tensor, value, into[name]);
      }
      return arrays;
    } finally {
      release(live, [...live.keys()]);
    }
  }

  /** Computes `values` from constants alone and keeps those that are `needed`. */
  #compute(values: readonly Value[], needed: ReadonlySet<Value>): Map<Value, Tensor> {
    const { tf } = this.#backend;
    const constants = new Map<Value, Tensor>();
    try {
      for (const { value, unneeded } of planSteps(values, needed)) {
        const made =
          value.op === "constant"
            ? upload(tf, value, value.data, this.#limits.get(value))
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

  async close(): Promise<void> {
    release(this.#constants, [...this.#constants.keys()]);
  }
}

function isPacked({ dtype }: Value): boolean {
  return dtype === "u8" || dtype === "f16";
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
    const unneeded = [...new Set([value, ...value.inputs])].filter((each) => !used.has(each));
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
  assert.ok(
    op !== "input" && op !== "constant" && op !== "rope" && op !== "custom",
    "it has a kernel",
  );
  return tf.tidy(() => {
    const inputs = value.inputs.map((input) => {
      const tensor = tensorOf(input);
      assert.ok(tensor !== undefined, `${input.op} computed before its use`);
      return tensor;
    });
    return KERNELS[op](tf, value, inputs);
  });
}
