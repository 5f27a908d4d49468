import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTokenizer } from "../../../../scripts/tokenizer-files.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { writeSafetensors } from "../../../../src/training/files/safetensors-writer.ts";
import type { LearnerOptions } from "../../../../src/training/learner/learner.ts";
import type { LlamaConfig } from "../../../../src/training/models/architectures/llama.ts";
import { TINY, tinyModel } from "../models/tiny-llama.ts";

/** Three special tokens and 256 bytes. */
export const BYTES: LlamaConfig = { ...TINY, vocabSize: 259, contextMax: 32 };

/** Writes a tiny model with a byte tokenizer, and a small data file, into `folder`. */
export async function writeTinyFolder(folder: string, tied = true): Promise<void> {
  const model = tinyModel({ ...BYTES, tiedEmbeddings: tied });
  const tensors = new Map<string, FloatTensor>();
  for (const name of model.definition.weights.keys()) tensors.set(name, model.tensor(name));
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  await writeTokenizer(folder, [], BYTES.contextMax);
  const config = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: BYTES.vocabSize,
    hidden_size: BYTES.hiddenSize,
    intermediate_size: BYTES.intermediateSize,
    num_hidden_layers: BYTES.layers,
    num_attention_heads: BYTES.heads,
    num_key_value_heads: BYTES.keyValueHeads,
    rms_norm_eps: BYTES.normEpsilon,
    rope_theta: BYTES.ropeTheta,
    tie_word_embeddings: tied,
    max_position_embeddings: BYTES.contextMax,
    bos_token_id: BYTES.bosId,
    eos_token_id: BYTES.eosIds[0],
  };
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const rows = Array.from({ length: 24 }, (_, i) => ({
    prompt: "abc".slice(0, 1 + (i % 3)),
    completion: "xyz".slice(i % 3),
  }));
  await writeFile(join(folder, "data.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
}

/** Options of a learner on that folder. */
export function tinyOptions(folder: string): LearnerOptions {
  const data = join(folder, "data.jsonl");
  return {
    model: folder,
    engine: "onnx:cpu",
    onEngineLoss: "stop",
    threads: 1,
    adapter: { kind: "lora", rank: 2, alpha: 4, targets: ["q", "v", "down"], seed: 5 },
    factors: "both",
    optimizer: {
      learningRate: 0.02,
      weightDecay: 0.01,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      clipNorm: 1,
      warmupSteps: 2,
    },
    batchSize: 4,
    sequenceMax: 16,
    seed: 11,
    data: { train: [data], columns: {}, heldOutShare: 0.25 },
    test: { files: [data], columns: {} },
  };
}
