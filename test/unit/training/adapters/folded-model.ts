import type { Adapter } from "../../../../src/training/adapters/adapter.ts";
import { type BaseModel, makeBaseModel } from "../../../../src/training/base/base-model.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";

/** The base model with an adapter folded into its weights, in memory. */
export function foldedModel(base: BaseModel, adapter: Adapter, values: Float32Array): BaseModel {
  const tensors = new Map<string, FloatTensor>();
  for (const name of base.definition.weights.keys()) tensors.set(name, base.tensor(name));
  for (const [name, fold] of adapter.folded?.(values) ?? []) {
    const weight = base.tensor(name);
    tensors.set(name, { shape: weight.shape, data: fold(weight) });
  }
  return makeBaseModel(base.definition, tensors, "folded");
}
