import { KlatchError } from "../../errors.ts";
import { seededRandom } from "../../random.ts";
import { type BaseModel, makeBaseModel } from "../base/base-model.ts";
import type { FloatTensor } from "../files/safetensors.ts";
import type { TensorSource } from "../files/weights.ts";
import { sizeOf } from "../graph/value.ts";
import { parseModelConfig } from "../models/architectures/architectures.ts";
import { llamaModel } from "../models/architectures/llama.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { KNOWN_SHAPES, type Shape } from "./shapes.ts";

/**
 * The model of a shape; one given by sizes has room for `positions`.
 *
 * @throws KlatchError `usage` for sizes that do not fit each other
 */
export function modelOfShape(shape: Shape, positions: number): ModelDefinition {
  if (typeof shape === "string")
    return parseModelConfig(JSON.stringify(KNOWN_SHAPES[shape]), shape);
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
  return llamaModel({
    hiddenSize,
    layers,
    heads,
    keyValueHeads,
    intermediateSize,
    vocabSize,
    headDim,
    contextMax: positions,
    normEpsilon: 1e-5,
    ropeTheta: 10_000,
    tiedEmbeddings: true,
    bosId: 1,
    eosIds: [2],
  });
}

/** A model of {@link randomWeights}. */
export function randomModel(definition: ModelDefinition): BaseModel {
  return makeBaseModel(definition, randomWeights(definition), "random model");
}

/**
 * Random weights as models are initialised: matrices of standard deviation 0.02, normalisations 1, biases 0. They are
 * drawn anew whenever they are asked for, so that the model takes no memory of its own.
 */
export function randomWeights(definition: ModelDefinition): TensorSource {
  const seeds = new Map([...definition.weights.keys()].map((name, i) => [name, i + 1]));
  return {
    has: (name: string) => seeds.has(name),
    keys: () => seeds.keys(),
    get(name: string) {
      const [seed, shape] = [seeds.get(name), definition.weights.get(name)];
      return seed === undefined || shape === undefined ? undefined : draw(name, shape, seed);
    },
  };
}

function draw(name: string, shape: readonly number[], seed: number): FloatTensor {
  const data = new Float32Array(sizeOf(shape));
  if (shape.length > 1) {
    const random = seededRandom(seed);
    // A uniform number of width w has standard deviation w / sqrt(12).
    for (let i = 0; i < data.length; i += 1) data[i] = (random() - 0.5) * 0.02 * Math.sqrt(12);
  } else if (!name.endsWith(".bias")) data.fill(1);
  return { shape, data };
}
