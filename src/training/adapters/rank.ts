import assert from "node:assert/strict";
import type { AdaptedLayer, LoraLayout } from "./methods/lora.ts";
import { combine, dot, eigenvectors, gram, orthonormalise } from "./methods/singular-vectors.ts";
import { slotView } from "./slots.ts";

/** How a rank is lowered: by leaving out the last factors, or by the best approximation of their product. */
export type RankCut = "truncate" | "svd";

/**
 * An adapter's values in a layout of another rank over the same layers. More rank means zeros after the old factors,
 * so the product scale * B A stays what it was. Less rank means the first factors alone (HetLoRA: Cho et al. 2024,
 * arXiv 2401.06432), or with `svd` the closest product of that rank (Eckart & Young). Where the layers differ in
 * scale, B takes the quotient. Peers that keep alpha / rank alike pad and cut without rounding.
 */
export function resizeRank(
  from: LoraLayout,
  to: LoraLayout,
  values: Float32Array,
  cut: RankCut = "truncate",
): Float32Array {
  assert.equal(values.length, from.length, "an adapter of the first layout");
  const resized = new Float32Array(to.length);
  for (const [i, old] of from.adapted.entries()) {
    const made = to.adapted[i];
    assert.equal(made?.linear.module, old.linear.module, "layouts of the same layers");
    if (made === undefined) continue;
    const [a, b] = [factorRows(values, old, "a"), factorRows(values, old, "b")];
    const rank = rankOf(made);
    const [rows, columns] = rank < a.length && cut === "svd" ? closest(a, b, rank) : [a, b];
    const quotient = old.scale / made.scale;
    const [rowsTo, columnsTo] = [slotView(resized, made.a), slotView(resized, made.b)];
    for (let k = 0; k < Math.min(rank, rows.length); k += 1) {
      rowsTo.set(rows[k] ?? [], k * made.linear.inputs);
      for (const [row, x] of (columns[k] ?? []).entries()) columnsTo[row * rank + k] = x * quotient;
    }
  }
  return resized;
}

function rankOf({ a }: AdaptedLayer): number {
  return a.shape[0] ?? 0;
}

/** The rows of A or the columns of B, one for each rank, in double. */
function factorRows(
  values: Float32Array,
  layer: AdaptedLayer,
  which: "a" | "b",
): readonly Float64Array[] {
  const factor = slotView(values, layer[which]);
  const { inputs, outputs } = layer.linear;
  const rank = rankOf(layer);
  return Array.from({ length: rank }, (_, k) =>
    which === "a"
      ? Float64Array.from(factor.subarray(k * inputs, (k + 1) * inputs))
      : Float64Array.from({ length: outputs }, (_, row) => factor[row * rank + k] ?? 0),
  );
}

/**
 * The factors of `rank` whose product is closest to that of these: the first singular vectors, found at the old rank.
 */
function closest(
  a: readonly Float64Array[],
  b: readonly Float64Array[],
  rank: number,
): readonly [readonly Float64Array[], readonly Float64Array[]] {
  const basis = a.map((row) => row.slice());
  orthonormalise(basis);
  // B A = (B L) Q for A = L Q with orthonormal rows Q: what B L is closest to decides.
  const columns = basis.map((q) =>
    combine(
      b,
      Float64Array.from(a, (row) => dot(row, q)),
      1,
    ),
  );
  const { vectors } = eigenvectors(gram(columns));
  const kept = vectors.slice(0, rank);
  return [kept.map((mix) => combine(basis, mix, 1)), kept.map((mix) => combine(columns, mix, 1))];
}
