import { seededRandom } from "../../random.ts";
import type { BaseDType, EngineName } from "../../types.ts";
import { createLora } from "../adapters/methods/lora.ts";
import { loadBaseModel } from "../base/base-model.ts";
import { collateParts } from "../batches/collate.ts";
import { openEngine } from "../engine/open-engine.ts";
import { adamwStep, freshOptimizer } from "../loop/optimizer.ts";
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
}

/**
 * Loss and gradients of one batch of random tokens on `name`, then training steps against the clock. The first step, which
 * compiles, does not count.
 */
export async function measureEngine(
  name: EngineName,
  task: EngineTask,
): Promise<EngineMeasurement> {
  const { batch, sequence, rank, targets, threads, dtype } = task;
  const base = await loadBaseModel(task.folder);
  const method = createLora(base.definition, { rank, alpha: 16, targets });
  const { engine } = await openEngine(name, { threads });
  const model = new AdaptedModel(base, method, engine, { dtype });
  const { tensors, length } = method.layout;
  const adapter = somewhere(method.initial(1));
  const examples = randomExamples(base.definition, batch, sequence);
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
    state = adamwStep(adapter, gradient, state, tensors, BENCH_OPTIMIZER).state;
    times.push(performance.now() - before);
  }
  await model.close();
  await engine.close();
  const median = times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
  return {
    loss,
    gradient: kept,
    tokensPerSecond: (batch * sequence * 1000) / median,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

// --- internal ---

/** An adapter as training leaves it: at the start, where one factor is zero, half of the gradients are zero too. */
function somewhere(initial: Float32Array): Float32Array {
  const random = seededRandom(3);
  return initial.map((x) => x + 0.04 * (random() - 0.5));
}
