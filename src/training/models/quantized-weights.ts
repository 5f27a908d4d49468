import type { BaseModel } from "../files/base-model.ts";
import { BLOCK_COLUMNS, quantizedLinear } from "../graph/quantized.ts";
import type { Graph, TypedArray, Value } from "../graph/value.ts";
import type { LinearLayer } from "./definition.ts";
import { blocksOf, type PackedMatrix, quantize } from "./quantize.ts";
import { transposed } from "./transposed.ts";

/** A base model's linear layers as integers, fed to programs. */
export interface QuantizedWeights {
  readonly feeds: Readonly<Record<string, TypedArray>>;
  /** Names of the weights that these stand for. */
  readonly names: ReadonlySet<string>;
  product(graph: Graph, layer: LinearLayer, x: Value): Value | undefined;
}

const packedName = (layer: LinearLayer) => `${layer.module} packed`;
const scalesName = (layer: LinearLayer) => `${layer.module} scales`;

/**
 * Rounds every linear layer of the blocks to 8 or 4 bits; embeddings, norms, biases and the head stay as they are, for
 * they are few or matter more. Programs are fed the integers: constants would be unfolded to 32 bits when compiled. `release` frees
 * each matrix once it is rounded.
 */
export function quantizeLinears(model: BaseModel, bits: 4 | 8, release = false): QuantizedWeights {
  const feeds: Record<string, TypedArray> = {};
  const names = new Set<string>();
  for (const layer of model.definition.linears) {
    const name = `${layer.module}.weight`;
    const { packed, scales } = pack(layer, model.tensor(name).data, bits);
    feeds[packedName(layer)] = packed;
    feeds[scalesName(layer)] = scales;
    names.add(name);
    if (release) model.release([name]);
  }
  return {
    feeds,
    names,
    product(graph, layer, x) {
      const { inputs, outputs } = layer;
      const blocks = blocksOf(inputs);
      const bytes = (BLOCK_COLUMNS * bits) / 8;
      const packed = graph.input(packedName(layer), [outputs, blocks, bytes], "u8");
      const scales = graph.input(scalesName(layer), [outputs, blocks], "f32");
      return quantizedLinear(x, { packed, scales, bits, columns: inputs });
    },
  };
}

function pack(layer: LinearLayer, data: Float32Array, bits: 4 | 8): PackedMatrix {
  const { inputs, outputs, inputsFirst } = layer;
  return quantize(inputsFirst ? transposed(data, outputs) : data, outputs, inputs, bits);
}
