import type { BaseDType } from "../../types.ts";
import { gatherRows } from "../graph/indexing.ts";
import {
  BLOCK_ROWS,
  blocksOf,
  type PackedMatrix,
  packedMatmul,
  widen,
} from "../graph/packed-matrix.ts";
import type { Graph, TypedArray } from "../graph/value.ts";
import type { LinearLayer } from "../models/definition.ts";
import type { WeightSource } from "../models/make-blocks.ts";
import type { BaseModel } from "./base-model.ts";
import { halfFloats } from "./half-floats.ts";
import { quantize } from "./quantize.ts";

export type PackedDType = Exclude<BaseDType, "f32">;

/** A base model's matrices in fewer bits, fed to programs: as constants, ONNX Runtime would unpack them for good. */
export interface PackedWeights extends Required<Pick<WeightSource, "product" | "rows">> {
  readonly feeds: Readonly<Record<string, TypedArray>>;
  /** Names of the weights that these stand for. */
  readonly names: ReadonlySet<string>;
}

const packedName = (layer: LinearLayer) => `${layer.module} packed`;
const scalesName = (layer: LinearLayer) => `${layer.module} scales`;

/**
 * Packs every linear layer of the blocks, one after the other. In f16 the embeddings too, unless they are the head, which
 * would be unpacked whole for every batch; norms, biases and the head stay as they are, for they are few or matter more.
 *
 * @throws KlatchError `incompatible` for a number beyond f16
 */
export function packWeights(model: BaseModel, dtype: PackedDType): PackedWeights {
  const { linears, embedding, head, aliases } = model.definition;
  const feeds: Record<string, TypedArray> = {};
  const names = new Set<string>();
  for (const layer of linears) {
    const name = `${layer.module}.weight`;
    Object.assign(feeds, packedLinear(layer, model.tensor(name).data, dtype));
    names.add(name);
  }
  const ownTable = head === null || (aliases.get(head) ?? head) !== embedding;
  const tables = new Map(
    dtype === "f16" && ownTable ? [[embedding, model.tensor(embedding).shape]] : [],
  );
  for (const name of tables.keys()) {
    feeds[name] = halfFloats(name, model.tensor(name).data);
    names.add(name);
  }
  return {
    feeds,
    names,
    product: (graph, layer, x) => {
      // A file's f16 matrix stays as it lies there; integers lie with the inputs first.
      const transpose = dtype === "f16" && !layer.inputsFirst;
      return packedMatmul(x, packedInput(graph, layer, dtype), transpose);
    },
    rows(graph, table, ids) {
      const shape = tables.get(table);
      return shape && widen(gatherRows(graph.input(table, shape, "f16"), ids));
    },
  };
}

// --- internal ---

const BITS = { int8: 8, int4: 4 } as const;

function packedLinear(
  layer: LinearLayer,
  data: Float32Array,
  dtype: PackedDType,
): Readonly<Record<string, TypedArray>> {
  if (dtype === "f16") return { [packedName(layer)]: halfFloats(`${layer.module}.weight`, data) };
  const { inputs: rows, outputs: columns, inputsFirst } = layer;
  const matrix = quantize(data, { rows, columns, columnsFirst: !inputsFirst }, BITS[dtype]);
  return { [packedName(layer)]: matrix.packed, [scalesName(layer)]: matrix.scales };
}

function packedInput(graph: Graph, layer: LinearLayer, dtype: PackedDType): PackedMatrix {
  const { inputs, outputs, inputsFirst } = layer;
  const name = packedName(layer);
  if (dtype === "f16") {
    const shape = inputsFirst ? [inputs, outputs] : [outputs, inputs];
    return { bits: 16, rows: shape[0] ?? 0, packed: graph.input(name, shape, "f16") };
  }
  const bits = BITS[dtype];
  const blocks = blocksOf(inputs);
  const stored = (blocks * BLOCK_ROWS * bits) / 8;
  return {
    bits,
    rows: inputs,
    packed: graph.input(name, [stored, outputs], "u8"),
    scales: graph.input(scalesName(layer), [blocks, outputs], "f32"),
  };
}
