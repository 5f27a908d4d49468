import { seededRandom } from "../../random.ts";
import type { Example } from "../data/examples/example.ts";
import type { ModelDefinition } from "../models/definition.ts";

/** Ordinary settings: what they are does not change how long a step takes. */
export const BENCH_OPTIMIZER = {
  learningRate: 1e-3,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 1,
  warmupSteps: 0,
};

/** Rows of random tokens, every one of which carries loss. */
export function randomExamples(
  definition: ModelDefinition,
  batch: number,
  sequence: number,
): readonly Example[] {
  const random = seededRandom(2);
  const draw = () => Math.floor(random() * definition.vocabSize);
  return Array.from({ length: batch }, () => ({
    ids: Int32Array.from({ length: sequence + 1 }, draw),
    promptLength: 1,
    truncated: false,
  }));
}
