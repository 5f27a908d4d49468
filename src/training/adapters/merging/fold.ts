import type { TensorSlot } from "../../../types.ts";
import type { FloatTensor } from "../../files/safetensors.ts";
import { slotView } from "../../layout/slots.ts";
import type { LinearLayer } from "../../models/definition.ts";
import { transposed } from "./transposed.ts";

/** The factors of one layer, and what their product is multiplied by. */
interface AdaptedPair {
  readonly linear: LinearLayer;
  readonly a: TensorSlot;
  readonly b: TensorSlot;
  readonly scale: number;
}

/** weight + scale * B A in the layout of the layer's matrix, summed in float64. */
export function foldLowRank(
  weight: FloatTensor,
  pair: AdaptedPair,
  values: Float32Array,
): Float32Array {
  const { scale } = pair;
  const { inputs, inputsFirst } = pair.linear;
  const rank = pair.a.shape[0] ?? 0;
  const a = slotView(values, pair.a);
  const b = slotView(values, pair.b);
  return inputsFirst
    ? addProduct(weight.data, transposed(a, inputs), transposed(b, rank), rank, scale)
    : addProduct(weight.data, b, a, rank, scale);
}

/** A layer's matrix with each output's row (or column, where inputs come first) times a factor. */
export function scaleOutputs(
  matrix: Float32Array,
  { inputs, outputs, inputsFirst }: LinearLayer,
  factors: ArrayLike<number>,
): Float32Array {
  return inputsFirst ? scaleColumns(matrix, outputs, factors) : scaleRows(matrix, inputs, factors);
}

/** A layer's matrix with what belongs to each input times a factor. */
export function scaleInputs(
  matrix: Float32Array,
  { inputs, outputs, inputsFirst }: LinearLayer,
  factors: ArrayLike<number>,
): Float32Array {
  return inputsFirst ? scaleRows(matrix, outputs, factors) : scaleColumns(matrix, inputs, factors);
}

// --- internal ---

function scaleRows(
  matrix: Float32Array,
  columns: number,
  factors: ArrayLike<number>,
): Float32Array {
  return matrix.map((x, i) => x * (factors[Math.floor(i / columns)] ?? 1));
}

function scaleColumns(
  matrix: Float32Array,
  columns: number,
  factors: ArrayLike<number>,
): Float32Array {
  return matrix.map((x, i) => x * (factors[i % columns] ?? 1));
}

/** weight [rows, columns] + scale * left [rows, rank] @ right [rank, columns]. */
function addProduct(
  weight: Float32Array,
  left: Float32Array,
  right: Float32Array,
  rank: number,
  scale: number,
): Float32Array {
  const columns = right.length / rank;
  const result = new Float32Array(weight.length);
  const change = new Float64Array(columns);
  for (let row = 0, at = 0; at < weight.length; row += 1, at += columns) {
    change.fill(0);
    for (let k = 0; k < rank; k += 1) {
      const factor = scale * (left[row * rank + k] ?? 0);
      const from = k * columns;
      for (let i = 0; i < columns; i += 1) {
        change[i] = (change[i] ?? 0) + factor * (right[from + i] ?? 0);
      }
    }
    for (let i = 0; i < columns; i += 1) result[at + i] = (weight[at + i] ?? 0) + (change[i] ?? 0);
  }
  return result;
}
