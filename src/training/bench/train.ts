import type { BaseDType } from "../../types.ts";
import { createLora } from "../adapters/methods/lora.ts";
import { collateParts } from "../batches/collate.ts";
import type { HubOptions } from "../files/hub/options.ts";
import { freshOptimizer, optimizerStep } from "../loop/optimizer.ts";
import { AdaptedModel } from "../programs/adapted-model.ts";
import { type BenchModelOptions, benchEngine, benchModel, checkCounts } from "./model.ts";
import { BENCH_OPTIMIZER, randomExamples } from "./workload.ts";

export interface BenchTrainOptions extends BenchModelOptions {
  readonly batch: number;
  /** Positions of each row, every one with loss. */
  readonly sequence: number;
  readonly rank: number;
  readonly targets: readonly string[];
  /** Timed steps, after three that are not. */
  readonly steps: number;
  /** Whether the backward pass recomputes each block; it does not unless said. */
  readonly recompute?: boolean;
  /** The most rows of one run of the program; as training chooses unless said. */
  readonly microBatch?: number;
}

export interface BenchTrainResult {
  readonly engine: string;
  readonly dtype: BaseDType;
  readonly threads: number;
  readonly batch: number;
  readonly sequence: number;
  readonly rank: number;
  readonly targets: readonly string[];
  /** Parameters of the base model. */
  readonly parameters: number;
  /** batch * sequence over the median time of a step. */
  readonly tokensPerSecond: number;
  /** Median over the timed steps. */
  readonly msPerStep: number;
  /** The fastest timed step: what the machine can do when nothing else runs on it. */
  readonly msFastestStep: number;
  /** Reading or making the model, building and compiling the program, and its first step. */
  readonly msToFirstStep: number;
  /** Loss of the last step. */
  readonly loss: number;
  /** What the program computes that is alive at one time, by the graph of a part of the batch. */
  readonly plannedActivationBytes: number;
  readonly peakRssBytes: number;
}

const WARM_STEPS = 3;

/**
 * Times LoRA training steps (loss, gradients, clip, AdamW) on one batch of random tokens, on the calling thread.
 *
 * @throws KlatchError `usage` for an impossible shape, else as the model or the engine deserves
 */
export async function benchTrain(
  options: BenchTrainOptions,
  hub?: HubOptions,
): Promise<BenchTrainResult> {
  const { batch, sequence, rank, targets, threads, steps, dtype = "f32" } = options;
  const { recompute = false, microBatch: rowsMax } = options;
  const started = performance.now();
  checkCounts({ batch, sequence, steps });
  const base = await benchModel(options, sequence, hub);
  const method = createLora(base.definition, { rank, alpha: 16, targets });
  const engine = await benchEngine(options);
  const model = new AdaptedModel(base, method, engine, { dtype });
  const { layout } = method;
  const adapter = method.initial(1);
  const gradient = new Float32Array(layout.length);
  let state = freshOptimizer(layout.length);
  const parts = collateParts(randomExamples(base.definition, batch, sequence), sequence, {
    threads,
    ...(rowsMax === undefined ? {} : { rowsMax }),
  });
  const kind = { slots: layout.tensors, recompute };
  const step = async (): Promise<number> => {
    const loss = await model.lossAndGradient(adapter, parts, layout.tensors, gradient, recompute);
    state = optimizerStep(adapter, gradient, state, layout.tensors, BENCH_OPTIMIZER).state;
    return loss;
  };
  await step();
  const msToFirstStep = performance.now() - started;
  for (let i = 1; i < WARM_STEPS; i += 1) await step();
  const times: number[] = [];
  let loss = 0;
  for (let i = 0; i < steps; i += 1) {
    const before = performance.now();
    loss = await step();
    times.push(performance.now() - before);
  }
  const [part] = parts;
  const planned = part === undefined ? 0 : model.trainingMemory(part.shape, kind).activations;
  await model.close();
  await engine.close();
  const msPerStep = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  return {
    engine: engine.name,
    dtype,
    threads,
    batch,
    sequence,
    rank,
    targets,
    parameters: base.parameters,
    tokensPerSecond: (batch * sequence * 1000) / msPerStep,
    msPerStep,
    msFastestStep: Math.min(...times),
    msToFirstStep,
    loss,
    plannedActivationBytes: planned,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}
