import { KlatchError } from "../errors.ts";
import { seededRandom } from "../random.ts";
import { AdaptedModel } from "./adapted-model.ts";
import { createLora } from "./adapters/lora.ts";
import { collateParts } from "./batches.ts";
import type { Example } from "./data/example.ts";
import { createOnnxEngine } from "./engine/onnx-engine.ts";
import {
  type BaseModel,
  type BaseTensor,
  loadBaseModel,
  makeBaseModel,
} from "./files/base-model.ts";
import type { HubOptions } from "./files/hub/options.ts";
import { sizeOf } from "./graph/value.ts";
import type { ModelDefinition } from "./models/definition.ts";
import { type LlamaConfig, llamaModel } from "./models/llama.ts";
import { adamwStep, freshOptimizer } from "./optimizer.ts";
import { resolveModel } from "./resolve-model.ts";

/** What to measure: a model folder, or a random model of a shape. */
export interface BenchTrainOptions {
  readonly model?: string;
  /** Hidden size, layers, heads, key-value heads, intermediate size, vocabulary. */
  readonly shape?: readonly [number, number, number, number, number, number];
  readonly batch: number;
  /** Positions of each row, every one with loss. */
  readonly sequence: number;
  readonly rank: number;
  readonly targets: readonly string[];
  readonly threads: number;
  /** Timed steps, after three that are not. */
  readonly steps: number;
  /** Start of the name of ONNX Runtime's profile files; slows the run down. */
  readonly profile?: string;
}

export interface BenchTrainResult {
  readonly engine: string;
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
  readonly peakRssBytes: number;
}

const WARM_STEPS = 3;
const OPTIMIZER = {
  learningRate: 1e-3,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 1,
  warmupSteps: 0,
};

/**
 * Times LoRA training steps (loss, gradients, clip, AdamW) on one batch of random tokens, on the calling thread.
 *
 * @throws KlatchError `usage` for an impossible shape, else as the model or the engine deserves
 */
export async function benchTrain(
  options: BenchTrainOptions,
  hub?: HubOptions,
): Promise<BenchTrainResult> {
  const { batch, sequence, rank, targets, threads, steps } = options;
  const started = performance.now();
  const base = await benchModel(options, hub);
  const method = createLora(base.definition, { rank, alpha: 16, targets });
  const { profile } = options;
  const engine = createOnnxEngine({ threads, ...(profile === undefined ? {} : { profile }) });
  const model = new AdaptedModel(base, method, engine);
  const { layout } = method;
  const adapter = method.initial(1);
  const gradient = new Float32Array(layout.length);
  let state = freshOptimizer(layout.length);
  const parts = collateParts(randomExamples(base.definition, batch, sequence), sequence, {
    threads,
  });
  const step = async (): Promise<number> => {
    const loss = await model.lossAndGradient(adapter, parts, layout.tensors, gradient);
    state = adamwStep(adapter, gradient, state, layout.tensors, OPTIMIZER).state;
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
  await model.close();
  const msPerStep = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  return {
    engine: engine.name,
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
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

async function benchModel(
  options: BenchTrainOptions,
  hub: HubOptions | undefined,
): Promise<BaseModel> {
  const { batch, sequence, steps, shape, model } = options;
  for (const [name, value] of Object.entries({ batch, sequence, steps })) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new KlatchError("usage", `${name} ${value} is not possible`, "choose a positive number");
  }
  if (model !== undefined) return loadBaseModel((await resolveModel(model, hub)).folder);
  if (shape !== undefined) return randomModel(shape, sequence);
  throw new KlatchError("usage", "nothing to measure", "give --model DIR or --shape D,L,H,KV,FF,V");
}

/** A tied model with uniform weights of standard deviation 0.02, as models are initialised. */
function randomModel(
  shape: NonNullable<BenchTrainOptions["shape"]>,
  contextMax: number,
): BaseModel {
  const [hiddenSize, layers, heads, keyValueHeads, intermediateSize, vocabSize] = shape;
  const headDim = hiddenSize / heads;
  const whole = shape.every((size) => Number.isInteger(size) && size > 0);
  if (!whole || headDim % 2 !== 0 || heads % keyValueHeads !== 0) {
    throw new KlatchError(
      "usage",
      `the shape ${shape.join(",")} is not possible`,
      "the heads must divide the hidden size into even parts, and the key-value heads the heads",
    );
  }
  const config: LlamaConfig = {
    hiddenSize,
    layers,
    heads,
    keyValueHeads,
    intermediateSize,
    vocabSize,
    headDim,
    contextMax,
    normEpsilon: 1e-5,
    ropeTheta: 10_000,
    tiedEmbeddings: true,
    bosId: 1,
    eosIds: [2],
  };
  const definition = llamaModel(config);
  const random = seededRandom(1);
  const tensors = new Map<string, BaseTensor>();
  for (const [name, sizes] of definition.weights) {
    const data = new Float32Array(sizeOf(sizes)).fill(1);
    // A uniform number of width w has standard deviation w / sqrt(12).
    if (sizes.length > 1) {
      for (let i = 0; i < data.length; i += 1) data[i] = (random() - 0.5) * 0.02 * Math.sqrt(12);
    }
    tensors.set(name, { shape: sizes, data });
  }
  return makeBaseModel(definition, tensors, "random model");
}

function randomExamples(
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
