import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { writeSafetensors } from "../../../../src/training/files/safetensors-writer.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";
import type { ModelDefinition } from "../../../../src/training/models/definition.ts";

/** A config.json of the smallest model that has every part: grouped heads, two layers. */
export const TINY_CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 16,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: "silu",
};

/** Weights that name their own place: the i-th value of every tensor is (i mod 7) / 8, exact in BF16 and F16. */
export function tinyWeights(definition: ModelDefinition): Map<string, FloatTensor> {
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of definition.weights) {
    const size = shape.reduce((product, n) => product * n, 1);
    tensors.set(name, { shape, data: Float32Array.from({ length: size }, (_, i) => (i % 7) / 8) });
  }
  return tensors;
}

/** A tokenizer.json of byte pairs whose ids are the places in the vocabulary; `added` are its special pieces. */
export function bytePairTokenizer(
  vocabulary: readonly string[],
  added: readonly string[],
  merges: readonly string[],
) {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map((content) => ({
      id: vocabulary.indexOf(content),
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: "Fuse" },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** Byte-pair tokenizer with the letters a to e, a word mark and two merges: "a b" -> "ab", "ab c" -> "abc". */
export const TINY_TOKENIZER = bytePairTokenizer(
  ["<unk>", "<s>", "</s>", "a", "b", "c", "d", "e", " ", ":", "ab", "abc"],
  ["<unk>", "<s>", "</s>"],
  ["a b", "ab c"],
);

/** Writes config.json, tokenizer files and, unless `weights` is null, model.safetensors. */
export async function writeTinyModel(
  folder: string,
  changes: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly tokenizer?: unknown;
    readonly weights?: ReadonlyMap<string, FloatTensor> | null;
    readonly dtype?: "F32" | "BF16";
  } = {},
): Promise<void> {
  const config = JSON.stringify({ ...TINY_CONFIG, ...changes.config });
  await writeFile(join(folder, "config.json"), config);
  await writeFile(
    join(folder, "tokenizer.json"),
    JSON.stringify(changes.tokenizer ?? TINY_TOKENIZER),
  );
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify({ bos_token: "<s>" }));
  if (changes.weights === null) return;
  const weights =
    changes.weights ?? tinyWeights(parseModelConfig(JSON.stringify(TINY_CONFIG), "tiny"));
  await writeSafetensors(join(folder, "model.safetensors"), weights, {
    dtype: changes.dtype ?? "F32",
  });
}

/** Runs `use` in a new folder that is removed afterwards. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "klatch-test-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
