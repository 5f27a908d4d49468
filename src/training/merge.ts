import type { AdaptedLayer, LoraLayout } from "./adapters/lora.ts";
import { slotView } from "./adapters/slots.ts";
import { type BaseModel, type BaseTensor, makeBaseModel } from "./files/base-model.ts";

/**
 * The base model with an adapter merged into it: W + alpha / rank * B A for every adapted layer, a plain model that
 * needs no adapter. The base model is not changed.
 */
export function mergeLora(base: BaseModel, layout: LoraLayout, adapter: Float32Array): BaseModel {
  const tensors = new Map<string, BaseTensor>();
  for (const name of base.definition.weights.keys()) tensors.set(name, base.tensor(name));
  for (const each of layout.adapted) {
    const name = `${each.linear.module}.weight`;
    tensors.set(name, merged(base.tensor(name), each, layout.scale, adapter));
  }
  return makeBaseModel(base.definition, tensors, "the merged model");
}

/** weight [out, in] + scale * b [out, rank] @ a [rank, in], summed in float64; transposed where weight is [in, out]. */
function merged(
  weight: BaseTensor,
  { a, b, linear }: AdaptedLayer,
  scale: number,
  adapter: Float32Array,
): BaseTensor {
  const left = slotView(adapter, b);
  const right = slotView(adapter, a);
  const [rank = 0, columns = 0] = a.shape;
  const width = linear.inputsFirst ? linear.outputs : linear.inputs;
  const data = weight.data.map((value, at) => {
    const [first, second] = [Math.floor(at / width), at % width];
    const [row, column] = linear.inputsFirst ? [second, first] : [first, second];
    let change = 0;
    for (let k = 0; k < rank; k += 1) {
      change += (left[row * rank + k] ?? 0) * (right[k * columns + column] ?? 0);
    }
    return value + scale * change;
  });
  return { shape: weight.shape, data };
}
