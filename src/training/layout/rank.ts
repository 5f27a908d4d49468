import type { AdapterLayout, TensorSlot } from "../../types.ts";
import { sizeOf } from "../graph/value.ts";

/** Names of LoRA's factors in PEFT's files. */
const FACTOR = /\.lora_([AB])\.weight$/;

/** The axis of a tensor along which the rank counts: rows of A, columns of B; null of what has no rank. */
function rankAxis({ name }: TensorSlot): 0 | 1 | null {
  const factor = FACTOR.exec(name)?.[1];
  if (factor === undefined) return null;
  return factor === "A" ? 0 : 1;
}

/** Rank of the LoRA factors that an adapter has; null of other methods, and of layers with ranks of their own. */
export function rankIn({ tensors }: Pick<AdapterLayout, "tensors">): number | null {
  const ranks = tensors.flatMap((slot) => {
    const axis = rankAxis(slot);
    return axis === null ? [] : [slot.shape[axis]];
  });
  const [rank] = ranks;
  return rank !== undefined && ranks.every((each) => each === rank) ? rank : null;
}

/** Values that the same adapter has with factors of another rank. */
export function lengthAt(layout: AdapterLayout, rank: number): number {
  const own = rankIn(layout);
  if (own === null) return layout.length;
  const inFactors = layout.tensors
    .filter((slot) => rankAxis(slot) !== null)
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return layout.length - inFactors + (inFactors / own) * rank;
}

/**
 * For each value of an adapter the slice of its rank: row k of A and column k of B are slice k. What has no rank is in
 * slice 0. The values of the first r slices, in their order, are those of the same adapter at rank r.
 */
export function rankSlices(layout: Pick<AdapterLayout, "tensors" | "length">): Uint16Array {
  const slices = new Uint16Array(layout.length);
  for (const slot of layout.tensors) {
    const axis = rankAxis(slot);
    const columns = slot.shape[1] ?? 1;
    if (axis === null) continue;
    for (let i = 0; i < sizeOf(slot.shape); i += 1) {
      slices[slot.offset + i] = axis === 0 ? Math.floor(i / columns) : i % columns;
    }
  }
  return slices;
}

/** The part of a slot in the first `rank` slices, as slots that lie in one piece: rows of A, a piece of each row of B. */
export function slotsInRank(slot: TensorSlot, rank: number): readonly TensorSlot[] {
  const axis = rankAxis(slot);
  const [rows = 0, columns = 0] = slot.shape;
  if (axis === null || rank >= (axis === 0 ? rows : columns)) return [slot];
  if (axis === 0) return [{ ...slot, shape: [rank, columns] }];
  return Array.from({ length: rows }, (_, row) => ({
    ...slot,
    shape: [1, rank],
    offset: slot.offset + row * columns,
  }));
}
