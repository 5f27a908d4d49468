import type { BaseDType } from "../../types.ts";
import { decodeF16 } from "../files/float-formats.ts";
import { gatherRows } from "../graph/indexing.ts";
import { type PackedMatrix, packedMatmul, storedArrays, widen } from "../graph/packed-matrix.ts";
import type { Graph, TypedArray } from "../graph/value.ts";
import type { LinearLayer } from "../models/definition.ts";
import type { WeightSource } from "../models/make-blocks.ts";
import { rowSquares } from "../models/row-squares.ts";
import type { BaseModel } from "./base-model.ts";
import { dequantize } from "./dequantize.ts";
import { halfFloats } from "./half-floats.ts";
import { quantize } from "./quantize.ts";

export type PackedDType = Exclude<BaseDType, "f32">;

/** A base model's matrices in fewer bits, fed to programs: as constants, ONNX Runtime would unpack them for good. */
export interface PackedWeights
  extends Required<Pick<WeightSource, "product" | "rows" | "rowSquares">> {
  readonly feeds: Readonly<Record<string, TypedArray>>;
  /** Names of the weights that these stand for. */
  readonly names: ReadonlySet<string>;
}

const feedName = (layer: LinearLayer, array: string) => `${layer.module} ${array}`;

/**
 * Packs every linear layer of the blocks, one after the other. In f16 the embeddings are packed too, unless they are
 * the head, which would be unpacked whole for every batch. Norms, biases and the head stay as they are: they are few
 * or matter more.
 *
 * @throws KlatchError `incompatible` for a number beyond f16
 */
export function packWeights(model: BaseModel, dtype: PackedDType): PackedWeights {
  const { linears, embedding, head, aliases } = model.definition;
  const feeds: Record<string, TypedArray> = {};
  const names = new Set<string>();
  const packed = new Map<string, PackedLinear>();
  for (const layer of linears) {
    const name = `${layer.module}.weight`;
    const own = packLinear(layer, model.tensor(name).data, dtype);
    Object.assign(feeds, own.feeds);
    packed.set(layer.module, own);
    names.add(name);
  }
  const squares = new Map<string, Float64Array | undefined>();
  const ownTable = head === null || (aliases.get(head) ?? head) !== embedding;
  const tables = new Map(
    dtype === "f16" && ownTable && embedding !== null
      ? [[embedding, model.tensor(embedding).shape]]
      : [],
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
    rowSquares(layer) {
      const found = squares.get(layer.module) ?? packed.get(layer.module)?.rowSquares();
      squares.set(layer.module, found);
      return found;
    },
    rows(graph, table, ids) {
      const shape = tables.get(table);
      return shape && widen(gatherRows(graph.input(table, shape, "f16"), ids));
    },
  };
}

// --- internal ---

const BITS = { int8: 8, int4: 4 } as const;

interface PackedLinear {
  readonly feeds: Readonly<Record<string, TypedArray>>;
  /** Unpacks the matrix for it. */
  rowSquares(): Float64Array;
}

function packLinear(layer: LinearLayer, data: Float32Array, dtype: PackedDType): PackedLinear {
  if (dtype === "f16") {
    const packed = halfFloats(`${layer.module}.weight`, data);
    return {
      feeds: { [feedName(layer, "packed")]: packed },
      rowSquares() {
        const rounded = new Float32Array(packed.length);
        decodeF16(new Uint8Array(packed.buffer), rounded);
        return rowSquares(rounded, layer);
      },
    };
  }
  const { inputs: rows, outputs: columns, inputsFirst } = layer;
  const bits = BITS[dtype];
  const matrix = quantize(data, { rows, columns, columnsFirst: !inputsFirst }, bits);
  const feeds: Record<string, TypedArray> = {};
  for (const [i, { name }] of storedArrays(bits, rows, columns).entries()) {
    const array = matrix.stored[i];
    if (array !== undefined) feeds[feedName(layer, name)] = array;
  }
  return {
    feeds,
    rowSquares: () => rowSquares(dequantize(matrix), { ...layer, inputsFirst: true }),
  };
}

function packedInput(graph: Graph, layer: LinearLayer, dtype: PackedDType): PackedMatrix {
  const { inputs, outputs, inputsFirst } = layer;
  if (dtype === "f16") {
    const shape = inputsFirst ? [inputs, outputs] : [outputs, inputs];
    const packed = graph.input(feedName(layer, "packed"), shape, "f16");
    return { bits: 16, rows: shape[0] ?? 0, stored: [packed] };
  }
  const bits = BITS[dtype];
  const stored = storedArrays(bits, inputs, outputs).map(({ name, shape, dtype: type }) =>
    graph.input(feedName(layer, name), shape, type),
  );
  return { bits, rows: inputs, stored };
}
