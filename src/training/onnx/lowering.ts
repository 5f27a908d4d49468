import assert from "node:assert/strict";
import { computationOrder, operands } from "../graph/gradient.ts";
import { type DType, floats, type Value } from "../graph/value.ts";
import { type FusedNorm, findNorms } from "./fused-norm.ts";
import type { OnnxGraph, OnnxNode, OnnxPort, OnnxTensor } from "./model-proto.ts";
import { LOWERINGS, type Lowerings } from "./operators.ts";

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
   * Puts the nodes that `make` appends before all others; they may be made of inputs and constants alone. Of the operands
   * of a node ONNX Runtime computes the one last whose maker stands first: these, which are large, wait for their use.
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

function port(value: Value, name: string): OnnxPort {
  return { name, shape: value.shape, dtype: value.dtype };
}

/** The ONNX graph that computes `outputs` (by name) and nothing else, in the dialect of a provider. */
export function lower(
  outputs: Readonly<Record<string, Value>>,
  dialect: Lowerings = LOWERINGS,
): OnnxGraph {
  const lowering = new Lowering();
  const inputs: OnnxPort[] = [];
  const values = Object.values(outputs);
  const norms = new Map<Value, FusedNorm>();
  for (const norm of dialect.norm === undefined ? [] : findNorms(computationOrder(values))) {
    norms.set(norm.output, norm).set(norm.inverse, norm);
  }
  const operandsOf = (value: Value) => {
    const norm = norms.get(value);
    return norm === undefined ? operands(value) : [norm.x, norm.weight];
  };
  for (const value of computationOrder(values, operandsOf)) {
    const norm = norms.get(value);
    if (lowering.has(value)) continue;
    if (norm !== undefined) dialect.norm?.(lowering, norm);
    else lowering.rename(value, lowerValue(lowering, value, inputs, dialect));
  }
  const ports = Object.entries(outputs).map(([name, value]) => port(value, name));
  const nodes = nameOutputs(lowering, outputs);
  return { nodes, initializers: lowering.initializers, inputs, outputs: ports };
}

/** Gives the nodes that make the outputs the outputs' names; an output that no node makes is copied. */
function nameOutputs(
  lowering: Lowering,
  outputs: Readonly<Record<string, Value>>,
): readonly OnnxNode[] {
  const made = new Set(lowering.nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const copies: OnnxNode[] = [];
  for (const [name, value] of Object.entries(outputs)) {
    const inner = lowering.name(value);
    if (made.has(inner) && !renamed.has(inner)) renamed.set(inner, name);
    else copies.push({ type: "Identity", inputs: [inner], outputs: [name] });
  }
  const rename = (names: readonly string[]) => names.map((name) => renamed.get(name) ?? name);
  return [...lowering.nodes, ...copies].map((node) => ({
    ...node,
    inputs: rename(node.inputs),
    outputs: node.type === "Identity" ? node.outputs : rename(node.outputs),
  }));
}

function lowerValue(
  lowering: Lowering,
  value: Value,
  inputs: OnnxPort[],
  dialect: Lowerings,
): string {
  const { op, name = lowering.fresh() } = value;
  if (op === "input") {
    inputs.push(port(value, name));
    return name;
  }
  if (op === "constant") {
    assert.ok(value.data !== undefined, "a constant has data");
    const { shape, dtype, data } = value;
    lowering.initializers.push({ name, shape, dtype, data });
    return name;
  }
  return dialect[op](
    lowering,
    value,
    operands(value).map((v) => lowering.name(v)),
  );
}
