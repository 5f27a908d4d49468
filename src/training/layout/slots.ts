import { createHash } from "node:crypto";
import type { AdapterLayout, Digest, TensorSlot } from "../../types.ts";
import { type Shape, sizeOf } from "../graph/value.ts";

/** Tensors one after the other in a flat array. The digest is SHA-256 of the JSON list of [name, shape]. */
export function makeLayout(named: Iterable<readonly [string, Shape]>): AdapterLayout {
  const tensors: TensorSlot[] = [];
  let length = 0;
  for (const [name, shape] of named) {
    tensors.push({ name, shape, offset: length });
    length += sizeOf(shape);
  }
  const canonical = JSON.stringify(tensors.map(({ name, shape }) => [name, shape]));
  return { tensors, length, digest: textDigest(canonical), texts: [canonical] };
}

/** A layout with tensors behind it, and around their names what else the digest covers. */
export function extendedLayout(
  layout: AdapterLayout,
  slots: readonly TensorSlot[],
  { before = [], after = [] }: { before?: readonly unknown[]; after?: readonly unknown[] } = {},
): AdapterLayout {
  const named = slots.map(({ name, shape }) => [name, shape]);
  const canonical = JSON.stringify([layout.digest, ...before, named, ...after]);
  return {
    tensors: [...layout.tensors, ...slots],
    length: slots.reduce((length, { shape }) => length + sizeOf(shape), layout.length),
    digest: textDigest(canonical),
    texts: [...(layout.texts ?? []), canonical],
  };
}

/** The part of a flat array that `slot` names, as a view. */
export function slotView(values: Float32Array, slot: TensorSlot): Float32Array {
  return values.subarray(slot.offset, slot.offset + sizeOf(slot.shape));
}

/** SHA-256 of a text. */
export function textDigest(text: string): Digest {
  return createHash("sha256").update(text).digest("hex");
}

/** sum += factor * part in `slots`, both lying as the adapter does. */
export function addScaled(
  sum: Float32Array,
  part: Float32Array,
  slots: readonly TensorSlot[],
  factor = 1,
): void {
  for (const { offset, shape } of slots) {
    const end = offset + sizeOf(shape);
    for (let i = offset; i < end; i += 1) sum[i] = (sum[i] ?? 0) + factor * (part[i] ?? 0);
  }
}
