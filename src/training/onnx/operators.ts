import assert from "node:assert/strict";
import { axisOf, numberOf, numbersOf } from "../graph/attributes.ts";
import { dimension, sameShape } from "../graph/shapes.ts";
import type { Op, Value } from "../graph/value.ts";
import type { FusedNorm } from "./fused-norm.ts";
import type { Lowering } from "./lowering.ts";
import { dequantized, ONNX_FLOAT, packedMatmul } from "./packed-operators.ts";

type Lower = (to: Lowering, value: Value, inputs: readonly string[]) => string;
const MICROSOFT = { domain: "com.microsoft" };

function plain(type: string): Lower {
  return (to, _value, inputs) => to.node(type, inputs);
}

function reduction(type: string): Lower {
  return (to, value, inputs) =>
    to.node(type, [...inputs, to.integers(numbersOf(value, "axes"))], { keepdims: 1 });
}

const matmul: Lower = (to, value, [a = "", b = ""]) => {
  const alpha = numberOf(value, "alpha");
  const transA = numberOf(value, "transposeA");
  const transB = numberOf(value, "transposeB");
  if (value.shape.length === 2) {
    return to.node("Gemm", [a, b], { transA, transB, alpha: { float: alpha } });
  }
  if (transA === 0 && transB === 0 && alpha === 1) return to.node("MatMul", [a, b]);
  assert.equal(value.dtype, "f32", "batched matmul variants are lowered in f32 here");
  return to.node("FusedMatMul", [a, b], { transA, transB, alpha: { float: alpha } }, MICROSOFT);
};

/**
 * A batched product where FusedMatMul is missing (f64, WebGPU): transposes and a product with alpha stand in for it.
 */
export const transposedOperands: Lower = (to, value, [a = "", b = ""]) => {
  const rank = value.shape.length;
  const swapped = Array.from({ length: rank }, (_, i) => i);
  swapped.push(...swapped.splice(rank - 2).reverse());
  const side = (name: string, transposed: boolean) =>
    transposed ? to.node("Transpose", [name], { perm: swapped }) : name;
  const product = to.node("MatMul", [
    side(a, numberOf(value, "transposeA") === 1),
    side(b, numberOf(value, "transposeB") === 1),
  ]);
  const alpha = numberOf(value, "alpha");
  return alpha === 1 ? product : to.node("Mul", [product, to.scalar(value.dtype, alpha)]);
};

/**
 * ONNX Runtime folds a Sum, but not an Add, into the Gemm that makes one of its terms. Everywhere else an Add is
 * better, because the threads share it.
 */
const add: Lower = (to, value, inputs) => {
  const plainSum = value.inputs.every((term) => sameShape(term.shape, value.shape));
  const folds = value.shape.length === 2 && value.inputs.some(({ op }) => op === "matmul");
  return to.node(plainSum && folds ? "Sum" : "Add", inputs);
};

const slice: Lower = (to, value, [x = ""]) =>
  to.node("Slice", [
    x,
    to.integers([numberOf(value, "start")]),
    to.integers([numberOf(value, "end")]),
    to.integers([axisOf(value)]),
  ]);

const pad: Lower = (to, value, [x = ""]) => {
  const axis = axisOf(value);
  const amount = (name: string) =>
    value.shape.map((_, i) => (i === axis ? numberOf(value, name) : 0));
  return to.node("Pad", [x, to.integers([...amount("before"), ...amount("after")])]);
};

/** ScatterND and ScatterElements add into a tensor of zeros. */
function zeros(to: Lowering, value: Value): string {
  return to.node("Expand", [to.scalar(value.dtype, 0), to.integers(value.shape)]);
}

const scatterAddRows: Lower = (to, value, [x = "", indices = ""]) => {
  const columns = to.node("Unsqueeze", [indices, to.integers([-1])]);
  const reduction = { text: "add" };
  return to.node("ScatterND", [zeros(to, value), columns, x], { reduction });
};

const rope: Lower = (to, value, [x = "", cosine = "", sine = ""]) => {
  if (value.dtype === "f32") {
    const start = to.integers([0]);
    return to.node("RotaryEmbedding", [x, start, cosine, sine], {}, MICROSOFT);
  }
  const [batch = 0, length = 0, width = 0] = value.shape;
  const half = dimension(value.inputs[1]?.shape ?? [], 1);
  const split = to.node("Reshape", [x, to.integers([batch, length, width / half / 2, 2, half])]);
  const part = (at: number) =>
    to.node("Slice", [split, to.integers([at]), to.integers([at + 1]), to.integers([3])]);
  const table = (name: string) => to.node("Reshape", [name, to.integers([1, length, 1, 1, half])]);
  const [a, b, c, s] = [part(0), part(1), table(cosine), table(sine)];
  const mul = (left: string, right: string) => to.node("Mul", [left, right]);
  const rotated = to.node(
    "Concat",
    [to.node("Sub", [mul(a, c), mul(b, s)]), to.node("Add", [mul(b, c), mul(a, s)])],
    { axis: 3 },
  );
  return to.node("Reshape", [rotated, to.integers(value.shape)]);
};

/**
 * ONNX Runtime has Erf in f32 only. In f64 the series 2 / sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!! stands in for
 * it; its terms have one sign, and these many give |x| < 4 to the last bits.
 */
const ERF_TERMS = 80;

function erfDouble(to: Lowering, [x = ""]: readonly string[]): string {
  const number = (value: number) => {
    const name = to.fresh();
    to.initializers.push({ name, shape: [], dtype: "f64", data: Float64Array.of(value) });
    return name;
  };
  const square = to.node("Mul", [x, x]);
  let series = number(1);
  for (let n = ERF_TERMS; n > 0; n -= 1) {
    const ratio = to.node("Mul", [square, number(2 / (2 * n + 1))]);
    series = to.node("Add", [number(1), to.node("Mul", [ratio, series])]);
  }
  const bell = to.node("Mul", [
    number(2 / Math.sqrt(Math.PI)),
    to.node("Exp", [to.node("Neg", [square])]),
  ]);
  return to.node("Mul", [to.node("Mul", [bell, x]), series]);
}

/** How each operation of the graph is written in ONNX; one table for each dialect. */
export type Lowerings = Readonly<Record<Exclude<Op, "input" | "constant">, Lower>> & {
  /** Names the output and the inverse of a normalisation, where one kernel gives both. */
  readonly norm?: ((to: Lowering, norm: FusedNorm) => void) | undefined;
};

function fusedNorm(to: Lowering, { x, weight, epsilon, output, inverse }: FusedNorm): void {
  const names = [to.fresh(), to.fresh()] as const;
  to.nodes.push({
    type: "SimplifiedLayerNormalization",
    inputs: [to.name(x), to.name(weight)],
    outputs: names,
    attributes: { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
  });
  to.rename(output, names[0]);
  to.rename(inverse, names[1]);
}

/** ONNX for the CPU and CUDA providers. */
export const LOWERINGS: Lowerings = {
  norm: fusedNorm,
  custom: (_to, _value, [output = ""]) => output,
  add,
  sub: plain("Sub"),
  mul: plain("Mul"),
  neg: plain("Neg"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  reciprocal: plain("Reciprocal"),
  sigmoid: plain("Sigmoid"),
  erf: (to, value, inputs) =>
    value.dtype === "f64" ? erfDouble(to, inputs) : to.node("Erf", inputs),
  greaterOrEqual: plain("GreaterOrEqual"),
  matmul: (to, value, inputs) =>
    value.dtype === "f64" && value.shape.length > 2
      ? transposedOperands(to, value, inputs)
      : matmul(to, value, inputs),
  packedMatmul: packedMatmul(dequantized),
  widen: (to, _value, inputs) => to.node("Cast", inputs, { to: ONNX_FLOAT }),
  reshape: (to, value, [x = ""]) => to.node("Reshape", [x, to.integers(value.shape)]),
  transpose: (to, value, inputs) =>
    to.node("Transpose", inputs, { perm: numbersOf(value, "order") }),
  expand: (to, value, [x = ""]) => to.node("Expand", [x, to.integers(value.shape)]),
  slice,
  pad,
  concat: (to, value, inputs) => to.node("Concat", inputs, { axis: axisOf(value) }),
  gatherRows: (to, _value, inputs) => to.node("Gather", inputs, { axis: 0 }),
  scatterAddRows,
  pickColumns: (to, _value, inputs) => to.node("GatherElements", inputs, { axis: 1 }),
  placeColumns: (to, value, [x = "", columns = ""]) =>
    to.node("ScatterElements", [zeros(to, value), columns, x], { axis: 1 }),
  sum: reduction("ReduceSum"),
  sumSquares: reduction("ReduceSumSquare"),
  max: reduction("ReduceMax"),
  softmax: (to, _value, inputs) => to.node("Softmax", inputs, { axis: -1 }),
  rope,
};
