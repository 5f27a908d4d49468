import assert from "node:assert/strict";
import { computationOrder, operands } from "../graph/gradient.ts";
import type { Value } from "../graph/value.ts";
import { type FusedNorm, findNorms } from "./fused-norm.ts";
import { Lowering } from "./lowering.ts";
import type { OnnxGraph, OnnxNode, OnnxPort } from "./model-proto.ts";
import { LOWERINGS, type Lowerings } from "./operators.ts";

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

function port(value: Value, name: string): OnnxPort {
  return { name, shape: value.shape, dtype: value.dtype };
}
