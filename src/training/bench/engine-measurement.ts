import { seededRandom } from "../../random.ts";
import type { BaseDType, EngineName } from "../../types.ts";
import { createLora, type LoraAdapter } from "../adapters/methods/lora.ts";
import { loadBaseModel } from "../base/base-model.ts";
import { collateParts } from "../batches/collate.ts";
import type { Example } from "../data/examples/example.ts";
import { openEngine } from "../engine/open-engine.ts";
import { isSoftwareAdapter } from "../engine/software-adapter.ts";
import { freshOptimizer, optimizerStep } from "../loop/optimizer.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { AdaptedModel } from "../programs/adapted-model.ts";
import { BENCH_OPTIMIZER, randomExamples } from "./workload.ts";

/** What every engine computes, on a model folder. */
export interface EngineTask {
  readonly folder: string;
  readonly batch: number;
  readonly sequence: number;
  readonly rank: number;
  readonly targets: readonly string[];
  readonly threads: number;
  /** How the frozen base is kept on each of them. */
  readonly dtype: BaseDType;
  /** The most timed steps, and the time after which no further one is begun. */
  readonly steps: number;
  readonly seconds: number;
}

/** What one engine made of it. */
export interface EngineMeasurement {
  readonly loss: number;
  /** Of every adapter parameter, at the same adapter on every engine. */
  readonly gradient: Float32Array;
  readonly tokensPerSecond: number;
  /** The greatest resident size of this process. */
  readonly peakBytes: number;
  /** Whether its device is computed by the CPU (SwiftShader, lavapipe, WARP). */
  readonly software: boolean;
}

/**
 * Loss and gradients of one batch of random tokens on `name`, then training steps against the clock. The first step,
 * which compiles, does not count.
 */
export async function measureEngine(
  name: EngineName,
  task: EngineTask,
): Promise<EngineMeasurement> {
  const { batch, sequence, threads, dtype } = task;
  // First, so that an engine that is not there says so before gigabytes are read.
  const { engine } = await openEngine(name, { threads });
  const base = await loadBaseModel(task.folder);
  const { method, adapter, examples } = benchStart(base.definition, task);
  const model = new AdaptedModel(base, method, engine, { dtype });
  const { tensors, length } = method.layout;
  const parts = collateParts(examples, sequence, { threads });
  const gradient = new Float32Array(length);
  const loss = await model.lossAndGradient(adapter, parts, tensors, gradient);
  const kept = gradient.slice();
  let state = freshOptimizer(length);
  const started = performance.now();
  const times: number[] = [];
  while (times.length < task.steps && performance.now() - started < 1000 * task.seconds) {
    const before = performance.now();
    await model.lossAndGradient(adapter, parts, tensors, gradient);
    state = optimizerStep(adapter, gradient, state, tensors, BENCH_OPTIMIZER).state;
    times.push(performance.now() - before);
  }
  const software = name === "onnx:webgpu" && isSoftwareAdapter();
  await model.close();
  await engine.close();
  const median = times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
  return {
    loss,
    gradient: kept,
    tokensPerSecond: (batch * sequence * 1000) / median,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    software,
  };
}

/** Where every measurement starts, those of other programs too: adapter, its values, and the batch. */
export function benchStart(
  definition: ModelDefinition,
  { batch, sequence, rank, targets }: Pick<EngineTask, "batch" | "sequence" | "rank" | "targets">,
): BenchStart {
  const method = createLora(definition, { rank, alpha: 16, targets });
  const adapter = somewhere(method.initial(1));
  return { method, adapter, examples: randomExamples(definition, batch, sequence) };
}

export interface BenchStart {
  readonly method: LoraAdapter;
  readonly adapter: Float32Array;
  readonly examples: readonly Example[];
}

/** The greatest difference of any gradient, relative to the greatest gradient expected. */
export function gradientDifference(found: Float32Array, expected: Float32Array): number {
  let [apart, greatest] = [0, 0];
  for (const [i, x] of expected.entries()) {
    apart = Math.max(apart, Math.abs(x - (found[i] ?? Number.NaN)));
    greatest = Math.max(greatest, Math.abs(x));
  }
  return apart / greatest;
}

// --- internal ---

/** An adapter as training leaves it: at the start, where one factor is zero, half of the gradients are zero too. */
function somewhere(initial: Float32Array): Float32Array {
  const random = seededRandom(3);
  return initial.map((x) => x + 0.04 * (random() - 0.5));
}
