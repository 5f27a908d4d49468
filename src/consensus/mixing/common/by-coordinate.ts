import type { Vector } from "../contributions.ts";
import { middleMean } from "../coordinate-wise.ts";
import { BLOCK_LENGTH, fillTile } from "./geometry.ts";

/**
 * By coordinate: every group of updates becomes its mean (in roster order), the `trim` largest and smallest means are
 * dropped, and the rest averaged in ascending order. Groups of one are the plain trimmed mean.
 */
export function trimmedGroups(
  updates: readonly Vector[],
  groups: readonly (readonly number[])[],
  trim: number,
  stride = BLOCK_LENGTH,
): Float64Array {
  const result = new Float64Array(updates[0]?.length ?? 0);
  const tile = new Float64Array(updates.length * stride);
  const means = new Float64Array(groups.length * stride);
  const column = new Float64Array(groups.length);
  for (let from = 0; from < result.length; from += stride) {
    const length = Math.min(stride, result.length - from);
    fillTile(tile, updates, { from, length, stride });
    for (const [index, group] of groups.entries()) {
      averageRows(tile, group, means.subarray(index * stride, index * stride + length), stride);
    }
    for (let k = 0; k < length; k += 1) {
      for (let row = 0; row < column.length; row += 1) {
        column[row] = means[row * stride + k] as number;
      }
      result[from + k] = middleMean(column, trim);
    }
  }
  return result;
}

// --- internal ---

function averageRows(
  tile: Float64Array,
  rows: readonly number[],
  out: Float64Array,
  stride: number,
): void {
  out.fill(0);
  for (const row of rows) {
    const start = row * stride;
    for (let k = 0; k < out.length; k += 1) {
      out[k] = (out[k] as number) + (tile[start + k] as number);
    }
  }
  for (let k = 0; k < out.length; k += 1) out[k] = (out[k] as number) / rows.length;
}
