import type { TensorSlot } from "../../types.ts";
import { sizeOf } from "../graph/value.ts";

/** The part of a flat array that `slot` names, as a view. */
export function slotView(values: Float32Array, slot: TensorSlot): Float32Array {
  return values.subarray(slot.offset, slot.offset + sizeOf(slot.shape));
}
