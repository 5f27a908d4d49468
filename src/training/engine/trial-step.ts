import { KlatchError } from "../../errors.ts";
import { add } from "../graph/elementwise.ts";
import { gradients } from "../graph/gradient.ts";
import { gatherRows } from "../graph/indexing.ts";
import { linear, matmul } from "../graph/matmul.ts";
import { reshape, transpose } from "../graph/movement.ts";
import { rope } from "../graph/rope.ts";
import { softmax } from "../graph/softmax.ts";
import {
  type Arrays,
  type DType,
  floats,
  Graph,
  type Shape,
  sizeOf,
  type Value,
} from "../graph/value.ts";
import { headLoss } from "../layers/cross-entropy.ts";
import { gatedUnit } from "../layers/gated-unit.ts";
import { rmsNorm } from "../layers/normalisation.ts";
import type { Engine } from "./engine.ts";

const [ROWS, WIDTH, VOCABULARY] = [4, 8, 6];

/** Loss and gradients of the trial step in float64; a test computes them again and differentiates numerically. */
export const KNOWN: Readonly<Record<"loss" | "d a" | "d b", readonly number[]>> = {
  loss: [5.70029469],
  "d a": [
    1.62688892, 0.59445745, 0.48981491, 2.61035799, 2.11737399, 0.06307345, 1.14907761, 1.51604818,
  ],
  "d b": [
    -0.00485279, -1.51465569, 0.0165068, -1.30181651, -4.70127417, 0.00883703, -0.51194056,
    2.31034109,
  ],
};
/** How far from them an engine may be, relative to the greatest number of the array. */
const TOLERANCE = 1e-3;

/**
 * The smallest graph with everything of a training step in it: embedding, normalisation, rotated attention of two
 * heads, a gated unit with a LoRA pair and cross-entropy, with the gradients of the pair.
 */
export function trialStep(dtype: DType): {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly feeds: Arrays;
} {
  const graph = new Graph();
  const numbers = (shape: Shape, seed: number) =>
    floats(
      dtype,
      Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed * (i + 1))),
    );
  const frozen = (shape: Shape, seed: number) =>
    graph.constant(numbers(shape, seed), shape, dtype, `frozen ${seed}`);
  const a = graph.input("a", [1, WIDTH], dtype);
  const b = graph.input("b", [WIDTH, 1], dtype);
  const ids = graph.input("ids", [ROWS], "i64");
  const embedding = frozen([VOCABULARY, WIDTH], 0.7);
  const x = rmsNorm(gatherRows(embedding, ids), frozen([WIDTH], 1.1), 1e-5);
  const u = add(x, attention(x, frozen([ROWS, 2], 0.3), frozen([ROWS, 2], 0.9)));
  const delta = matmul(linear(u, a), b, { transposeB: true, alpha: 2 });
  const hidden = gatedUnit(add(linear(u, frozen([WIDTH, WIDTH], 1.3)), delta), u);
  const weights = graph.constant(floats(dtype, [0.5, 0.25, 0.25, 0]), [ROWS, 1], dtype);
  const { loss } = headLoss(hidden, embedding, ids, weights);
  const [ofA, ofB] = gradients(loss, [a, b]);
  return {
    outputs: { loss, "d a": ofA as Value, "d b": ofB as Value },
    feeds: {
      a: numbers([1, WIDTH], 1.7),
      b: numbers([WIDTH, 1], 2.3),
      ids: BigInt64Array.of(1n, 3n, 1n, 5n),
    },
  };
}

/**
 * Runs the trial step and compares it with the known numbers.
 *
 * @throws KlatchError `engine` when they differ, else what the engine throws
 */
export async function checkTrialStep(engine: Engine): Promise<void> {
  const { outputs, feeds } = trialStep("f32");
  const program = await engine.compile(outputs);
  try {
    const results = await program.run(feeds);
    for (const [name, expected] of Object.entries(KNOWN)) {
      const scale = Math.max(...expected.map(Math.abs));
      const found = Array.from(results[name] ?? [], Number);
      const error = Math.max(...expected.map((x, i) => Math.abs(x - (found[i] ?? Number.NaN))));
      if (error / scale <= TOLERANCE) continue;
      throw new KlatchError(
        "engine",
        `${engine.name} computes a training step wrongly: ${name} is off by ${(error / scale).toExponential(1)} of it`,
        "update the driver, or take --engine onnx:cpu",
      );
    }
  } finally {
    await program.close();
  }
}

// --- internal ---

/** Attention of two heads of 4 over the rows, each a position; queries, keys and values are the rows themselves. */
function attention(x: Value, cosine: Value, sine: Value): Value {
  const turned = rope(reshape(x, [1, ROWS, WIDTH]), cosine, sine);
  const heads = transpose(reshape(turned, [ROWS, 2, WIDTH / 2]), [1, 0, 2]);
  const shares = softmax(matmul(heads, heads, { transposeB: true, alpha: 0.5 }));
  return reshape(transpose(matmul(shares, heads), [1, 0, 2]), [ROWS, WIDTH]);
}
