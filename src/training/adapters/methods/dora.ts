import assert from "node:assert/strict";
import type { TensorSlot } from "../../../types.ts";
import type { BaseModel } from "../../base/base-model.ts";
import { add, mul, reciprocal, scale, sqrt } from "../../graph/elementwise.ts";
import { detach } from "../../graph/gradient.ts";
import { matmul } from "../../graph/matmul.ts";
import { reshape, transpose } from "../../graph/movement.ts";
import { sum } from "../../graph/reduction.ts";
import { floats, type Value } from "../../graph/value.ts";
import { makeLayout, slotView } from "../../layout/slots.ts";
import type { Adaptation, FrozenLinear } from "../../models/adaptation.ts";
import type { LinearLayer } from "../../models/definition.ts";
import { rowSquares } from "../../models/row-squares.ts";
import type { Adapter } from "../adapter.ts";
import { scaleOutputs } from "../merging/fold.ts";
import { createLora, type LoraLayout, type LoraOptions, lowRank } from "./lora.ts";

/** LoRA's factors, and behind them a magnitude for each output of each layer. */
export interface DoraAdapter extends Adapter {
  /**
   * As `adapt`, with the norms taken from other values of the factors: their gradient is then the derivative of what is
   * computed, which tests compare with differences.
   */
  adaptWithNormsOf(
    tensors: ReadonlyMap<string, Value>,
    normsOf: ReadonlyMap<string, Value>,
  ): Adaptation;
}

/**
 * DoRA (Liu et al. 2024, arXiv 2402.09353): y = m * (W + scale * B A) x / |W + scale * B A|, with the norm of each
 * output's row. The norm counts as a constant in the gradient, as in PEFT and section 4.3 of the paper. Magnitudes
 * start as the norms of the base's own rows, so that every peer starts from the same. The norms are those of the
 * weights that are multiplied with.
 */
export function createDora(base: BaseModel, options: Omit<LoraOptions, "kind">): DoraAdapter {
  const { rank, alpha, targets, modules } = options;
  const uneven = modules ? { modules } : {};
  const lora = createLora(base.definition, { rank, alpha, targets, ...uneven });
  const { adapted } = lora.layout;
  const layout = makeLayout([
    ...lora.layout.tensors.map(({ name, shape }) => [name, shape] as const),
    ...adapted.map(({ linear }) => [magnitudeName(linear), [linear.outputs]] as const),
  ]);
  const magnitudes = layout.tensors.slice(lora.layout.tensors.length);
  const squares = new Map(
    adapted.map(({ linear }) => [
      linear.module,
      rowSquares(base.tensor(`${linear.module}.weight`).data, linear),
    ]),
  );
  const adaptWithNormsOf = adaptation(lora.layout, squares);
  return {
    settings: { kind: "dora", rank, alpha, targets, ...uneven },
    layout,
    initial(seed) {
      const values = new Float32Array(layout.length);
      values.set(lora.initial(seed));
      const norms = [...squares.values()].flatMap((each) => [...each.map(Math.sqrt)]);
      values.set(norms, lora.layout.length);
      return values;
    },
    trained: (schedule, round): readonly TensorSlot[] => [
      ...lora.trained(schedule, round),
      ...magnitudes,
    ],
    adapt: (_graph, tensors) => adaptWithNormsOf(tensors, tensors),
    adaptWithNormsOf,
    folded(values) {
      const sums = lora.folded(values);
      return new Map(
        adapted.map(({ linear }, i) => {
          const name = `${linear.module}.weight`;
          const [sum, magnitude] = [sums.get(name), magnitudes[i]];
          assert(sum !== undefined && magnitude !== undefined);
          return [name, (weight) => withNorms(sum(weight), linear, slotView(values, magnitude))];
        }),
      );
    },
    peftConfig: () => ({ ...lora.peftConfig(), use_dora: true }),
  };
}

function magnitudeName({ module }: LinearLayer): string {
  return `base_model.model.${module}.lora_magnitude_vector`;
}

/** A row of zeros, as pruned models have, stays one: it would be divided by its norm. */
function aboveZero(squares: number): number {
  return Math.max(squares, 1e-30);
}

/** The matrix with every output's row made as long as `norms` says. */
function withNorms(matrix: Float32Array, linear: LinearLayer, norms: Float32Array): Float32Array {
  const squares = rowSquares(matrix, linear);
  return scaleOutputs(
    matrix,
    linear,
    norms.map((norm, i) => norm / Math.sqrt(aboveZero(squares[i] ?? 0))),
  );
}

function adaptation(
  layout: LoraLayout,
  squares: ReadonlyMap<string, Float64Array>,
): DoraAdapter["adaptWithNormsOf"] {
  const factors = new Map(layout.adapted.map((each) => [each.linear.module, each]));
  return (tensors, normsOf) => ({
    linear(linear, x, frozen) {
      const pair = factors.get(linear.module);
      const magnitude = tensors.get(magnitudeName(linear));
      const pick = (from: typeof tensors, which: "a" | "b") =>
        pair === undefined ? undefined : from.get(pair[which].name);
      const [a, b] = [pick(tensors, "a"), pick(tensors, "b")];
      const [normA, normB] = [pick(normsOf, "a"), pick(normsOf, "b")];
      const own = frozen.rowSquares() ?? squares.get(linear.module);
      if (!pair || !a || !b || !normA || !normB || !magnitude || !own) return undefined;
      const norms = detach(rowNorms(own, frozen, normA, normB, pair.scale));
      const gain = mul(reshape(magnitude, [1, linear.outputs]), reciprocal(norms));
      return frozen.withBias(mul(gain, add(frozen.product(x), lowRank(x, a, b, pair.scale))));
    },
  });
}

/**
 * The norm of each row of W + s B A as [1, outputs]. That matrix is never made: for rows w of W and b of B the square
 * is |w|^2 + 2 s b . (A w) + s^2 b . (A A^T b).
 */
function rowNorms(own: Float64Array, frozen: FrozenLinear, a: Value, b: Value, s: number): Value {
  const columns = transpose(b, [1, 0]);
  const cross = sum(mul(columns, frozen.product(a)), [0]);
  const gram = matmul(a, a, { transposeB: true });
  const added = sum(mul(columns, matmul(gram, columns)), [0]);
  const squares = a.graph.constant(floats(a.dtype, own.map(aboveZero)), [1, own.length], a.dtype);
  return sqrt(add(squares, add(scale(cross, 2 * s), scale(added, s * s))));
}
