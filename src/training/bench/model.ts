import { KlatchError } from "../../errors.ts";
import { seededRandom } from "../../random.ts";
import type { BaseDType, EngineChoice } from "../../types.ts";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/open-engine.ts";
import {
  type BaseModel,
  type BaseTensor,
  loadBaseModel,
  makeBaseModel,
} from "../files/base-model.ts";
import type { HubOptions } from "../files/hub/options.ts";
import { sizeOf } from "../graph/value.ts";
import { type LlamaConfig, llamaModel } from "../models/llama.ts";
import { resolveModel } from "../resolve-model.ts";

/** What to measure, a model folder or a random model of a shape, and on what. */
export interface BenchModelOptions {
  readonly model?: string;
  /** Hidden size, layers, heads, key-value heads, intermediate size, vocabulary. */
  readonly shape?: readonly [number, number, number, number, number, number];
  /** `onnx:cpu` unless said. */
  readonly engine?: EngineChoice;
  readonly threads: number;
  /** How the frozen linear layers are kept; `f32` unless said. */
  readonly dtype?: BaseDType;
  /** Start of the name of ONNX Runtime's profile files; slows the run down. */
  readonly profile?: string;
}

/** @throws KlatchError `usage` when one of `counts` is not a positive whole number */
export function checkCounts(counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new KlatchError("usage", `${name} ${value} is not possible`, "choose a positive number");
  }
}

/** @throws KlatchError `engine` when it cannot be had */
export async function benchEngine(options: BenchModelOptions): Promise<Engine> {
  const { engine: choice = "onnx:cpu", threads, profile } = options;
  const { engine } = await openEngine(choice, {
    threads,
    ...(profile === undefined ? {} : { profile }),
  });
  return engine;
}

/**
 * The model that the options name; a random one has room for `contextMax` positions.
 *
 * @throws KlatchError `usage` for an impossible shape, else as the model deserves
 */
export async function benchModel(
  { model, shape }: BenchModelOptions,
  contextMax: number,
  hub?: HubOptions,
): Promise<BaseModel> {
  if (model !== undefined) return loadBaseModel((await resolveModel(model, hub)).folder);
  if (shape !== undefined) return randomModel(shape, contextMax);
  throw new KlatchError("usage", "nothing to measure", "give --model DIR or --shape D,L,H,KV,FF,V");
}

/** A tied model with uniform weights of standard deviation 0.02, as models are initialised. */
function randomModel(
  shape: NonNullable<BenchModelOptions["shape"]>,
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
