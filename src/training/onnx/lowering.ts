import assert from "node:assert/strict";
import { type DType, floats, type Value } from "../graph/value.ts";
import type { OnnxNode, OnnxTensor } from "./model-proto.ts";

/** Collects the ONNX nodes and initializers that operators lower to. */
export class Lowering {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #names = new Map<Value, string>();
  readonly #shapes = new Map<string, string>();
  #next = 0;

  /** The ONNX name of a value that was already lowered. */
  name(value: Value): string {
    const name = this.#names.get(value);
    assert.ok(name !== undefined, `${value.op} lowered before its uses`);
    return name;
  }

  has(value: Value): boolean {
    return this.#names.has(value);
  }

  rename(value: Value, name: string): void {
    this.#names.set(value, name);
  }

  /** A name no other tensor has. */
  fresh(): string {
    return `t${this.#next++}`;
  }

  /** Appends one node with one output and returns the output's name. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: NonNullable<OnnxNode["attributes"]> = {},
    options: { readonly domain?: string; readonly output?: string } = {},
  ): string {
    const { output = this.fresh(), domain } = options;
    const node: OnnxNode = { type, inputs, outputs: [output], attributes };
    this.nodes.push(domain === undefined ? node : { ...node, domain });
    return output;
  }

  /**
   * Puts the nodes that `make` appends in front of all others. They may depend on inputs and constants alone. ONNX
   * Runtime computes that operand of a node last whose own node stands first in the model. The results of these nodes
   * are large, so they should exist no earlier than they are needed.
   */
  inFront<T>(make: () => T): T {
    const from = this.nodes.length;
    const made = make();
    this.nodes.unshift(...this.nodes.splice(from));
    return made;
  }

  /** The name of a constant of shape []. */
  scalar(dtype: DType, value: number): string {
    const name = this.fresh();
    const data = dtype === "u8" ? Uint8Array.of(value) : floats(dtype, [value]);
    this.initializers.push({ name, shape: [], dtype, data });
    return name;
  }

  /** The name of a 1-D integer constant: shapes, axes, bounds. */
  integers(values: readonly number[]): string {
    const key = values.join(",");
    const known = this.#shapes.get(key);
    if (known !== undefined) return known;
    const name = `i${this.#shapes.size}`;
    const data = BigInt64Array.from(values, BigInt);
    this.initializers.push({ name, shape: [values.length], dtype: "i64", data });
    this.#shapes.set(key, name);
    return name;
  }
}
