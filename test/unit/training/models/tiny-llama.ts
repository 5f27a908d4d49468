import { type BaseModel, makeBaseModel } from "../../../../src/training/base/base-model.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { sizeOf } from "../../../../src/training/graph/value.ts";
import {
  type LlamaConfig,
  llamaModel,
} from "../../../../src/training/models/architectures/llama.ts";
import { numbers } from "../graph/finite-differences.ts";

/** Small enough to differentiate numerically, with every feature: two layers, grouped heads, odd sizes. */
export const TINY: LlamaConfig = {
  vocabSize: 11,
  hiddenSize: 8,
  intermediateSize: 6,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  headDim: 2,
  normEpsilon: 1e-5,
  ropeTheta: 100,
  tiedEmbeddings: true,
  contextMax: 24,
  bosId: 1,
  eosIds: [2],
};

/** A model with fixed weights of about unit gain. */
export function tinyModel(config: LlamaConfig = TINY): BaseModel {
  const definition = llamaModel(config);
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of definition.weights) {
    const norm = shape.length === 1;
    const values = numbers(sizeOf(shape), tensors.size + 20);
    const data = Float32Array.from(values, (x) => (norm ? 1 + 0.3 * x : 0.7 * x));
    tensors.set(name, { shape, data });
  }
  return makeBaseModel(definition, tensors, "tiny model");
}
