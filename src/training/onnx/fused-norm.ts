import { numbersOf } from "../graph/attributes.ts";
import type { Op, Value } from "../graph/value.ts";

/** A root-mean-square normalisation that one kernel can compute. */
export interface FusedNorm {
  /** f32, normalised over its last axis. */
  readonly x: Value;
  /** [width] */
  readonly weight: Value;
  readonly epsilon: number;
  /** x * inverse * weight */
  readonly output: Value;
  /** 1 / sqrt(mean(x^2) + epsilon), which the gradient needs too. */
  readonly inverse: Value;
}

/**
 * The normalisations among `values`, written as `rmsNorm` writes them. ONNX Runtime's own fusion asks that nothing else
 * uses the inverse root, so it finds none in a training graph.
 */
export function findNorms(values: readonly Value[]): readonly FusedNorm[] {
  return values.flatMap((value) => matchNorm(value) ?? []);
}

function matchNorm(output: Value): FusedNorm | undefined {
  const [normal, weight] = operandsOf(output, "mul");
  const [x, inverse] = operandsOf(normal, "mul");
  const [root] = operandsOf(inverse, "reciprocal");
  const [padded] = operandsOf(root, "sqrt");
  const [meanSquare, epsilon] = operandsOf(padded, "add");
  const [squares, share] = operandsOf(meanSquare, "mul");
  const [source] = operandsOf(squares, "sumSquares");
  if (!weight || !x || !inverse || !squares || source !== x || x.dtype !== "f32") return;
  const last = x.shape.length - 1;
  const width = x.shape[last];
  const isMean = scalarOf(share) === Math.fround(1 / (width ?? 0));
  const isOverLast = numbersOf(squares, "axes").join() === String(last);
  const isWeight = weight.shape.length === 1 && weight.shape[0] === width;
  const small = scalarOf(epsilon);
  if (!isMean || !isOverLast || !isWeight || small === undefined) return;
  return { x, weight, epsilon: small, output, inverse };
}

function operandsOf(value: Value | undefined, op: Op): readonly (Value | undefined)[] {
  return value?.op === op ? value.inputs : [];
}

/** The number that a constant of shape [] holds. */
function scalarOf(value: Value | undefined): number | undefined {
  const isScalar = value?.op === "constant" && value.shape.length === 0;
  return isScalar ? Number(value.data?.[0]) : undefined;
}
