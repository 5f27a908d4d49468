import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BenchStart, benchStart } from "../../src/training/bench/engine-measurement.ts";
import { randomWeights } from "../../src/training/bench/random-model.ts";
import { isKnownShape, KNOWN_SHAPES, type Sizes } from "../../src/training/bench/shapes.ts";
import { encodeBf16 } from "../../src/training/files/float-formats.ts";
import { streamSafetensors, type TensorPlan } from "../../src/training/files/safetensors-writer.ts";
import { parseModelConfig } from "../../src/training/models/architectures/architectures.ts";
import type { ModelDefinition } from "../../src/training/models/definition.ts";
import type { StepWork } from "./floors.ts";

/** Sizes of the batch and of the adapter. */
export interface BatchSizes {
  readonly batch: number;
  readonly sequence: number;
  readonly rank: number;
  readonly targets: readonly string[];
}

/** A model on the disk, with what all programs start from. */
export interface ModelFolder {
  readonly folder: string;
  /** Names of the adapter's tensors in the order in which gradients lie. */
  readonly order: readonly string[];
  /** What the product of LoRA's factors is multiplied by. */
  readonly scale: number;
  readonly work: StepWork;
}

export const START_FILE = "start.safetensors";

/**
 * Writes a random model in BF16, as the models of these shapes are published, and beside it the adapter and the tokens.
 *
 * @throws KlatchError `disk` when there is no room
 */
export async function writeModel(
  folder: string,
  shape: string,
  sizes: BatchSizes,
): Promise<ModelFolder> {
  await mkdir(folder, { recursive: true });
  const config = JSON.stringify(configOf(shape));
  const definition = parseModelConfig(config, shape);
  await writeFile(join(folder, "config.json"), config);
  const weights = randomWeights(definition);
  const plans = [...definition.weights].map(([name, size]) => ({
    ...{ name, shape: size, dtype: "BF16" },
  }));
  await streamSafetensors(join(folder, "model.safetensors"), plans, async ({ name }) =>
    encodeBf16(weights.get(name)?.data ?? new Float32Array()),
  );
  const start = benchStart(definition, sizes);
  await writeStart(join(folder, START_FILE), start);
  const { layout } = start.method;
  const order = layout.tensors.map(({ name }) => name);
  return { folder, order, scale: layout.adapted[0]?.scale ?? 1, work: workOf(definition, sizes) };
}

/** The config.json of a known shape, or of a tied Llama of six sizes `hidden,layers,heads,kvHeads,ff,vocabulary`. */
export function configOf(shape: string): object {
  if (isKnownShape(shape)) return KNOWN_SHAPES[shape];
  const [hidden, layers, heads, keyValueHeads, ff, vocabulary] = shape
    .split(",")
    .map(Number) as unknown as Sizes;
  return {
    ...KNOWN_SHAPES["smollm2-135m"],
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    intermediate_size: ff,
    vocab_size: vocabulary,
  };
}

/** What a step on the model has to compute and to read. */
export function workOf(definition: ModelDefinition, { batch, sequence }: BatchSizes): StepWork {
  const { linears, hiddenSize, vocabSize, layers } = definition;
  const queries = linears.find(({ module }) => module.endsWith("q_proj"));
  return {
    ...{ tokens: batch * sequence, sequence, layers },
    linears: linears.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0),
    head: hiddenSize * vocabSize,
    attentionWidth: queries?.outputs ?? hiddenSize,
  };
}

// --- internal ---

async function writeStart(file: string, { method, adapter, examples }: BenchStart): Promise<void> {
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Int32Array) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const contents = new Map(
    method.layout.tensors.map(({ name, shape, offset }) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, bytesOf(adapter.subarray(offset, offset + size))];
    }),
  );
  const ids = Int32Array.from(examples.flatMap((each) => [...each.ids]));
  contents.set("ids", bytesOf(ids));
  const plans: TensorPlan[] = [
    ...method.layout.tensors.map(({ name, shape }) => ({ name, shape, dtype: "F32" })),
    { name: "ids", shape: [examples.length, ids.length / examples.length], dtype: "I32" },
  ];
  await streamSafetensors(file, plans, async ({ name }) => contents.get(name) ?? new Uint8Array());
}
