import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "../../../../src/random.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { writeSafetensors } from "../../../../src/training/files/safetensors-writer.ts";
import type { LearnerOptions } from "../../../../src/training/learner/learner.ts";
import { CLASSIFIERS, goldenBase } from "../models/golden-classifiers.ts";

export const TOPICS = {
  food: ["bread", "soup", "apple", "oven"],
  music: ["drum", "choir", "violin", "song"],
  weather: ["rain", "storm", "cloud", "frost"],
} as const;
const FILLERS = ["the", "a", "very", "old", "new", "two", "some", "near", "with", "and"];
const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
const WORDS = [...SPECIAL, ...FILLERS, ...Object.values(TOPICS).flat()];

/** Texts of fillers around one word of their class. */
export function topicRows(count: number, seed: number): readonly { text: string; label: string }[] {
  const random = seededRandom(seed);
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)] ?? "";
  const names = Object.keys(TOPICS) as (keyof typeof TOPICS)[];
  return Array.from({ length: count }, (_, i) => {
    const label = names[i % names.length] ?? "food";
    const words = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(FILLERS));
    words.splice(Math.floor(random() * words.length), 0, pick(TOPICS[label]));
    return { text: words.join(" "), label };
  });
}

const TOKENIZER = {
  version: "1.0",
  added_tokens: SPECIAL.map((content, id) => ({ id, content, special: true })),
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: {
    type: "TemplateProcessing",
    single: ["[CLS]", "A", "[SEP]"].map((id) =>
      id === "A" ? { Sequence: { id, type_id: 0 } } : { SpecialToken: { id, type_id: 0 } },
    ),
    pair: [],
    special_tokens: Object.fromEntries(
      ["[CLS]", "[SEP]"].map((id) => [id, { id, ids: [SPECIAL.indexOf(id)], tokens: [id] }]),
    ),
  },
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
  },
};

/** Writes a tiny random encoder of a golden case with a word tokenizer, and rows to train and test on. */
export async function writeEncoderFolder(folder: string, name = "bert-mean"): Promise<void> {
  const config = CLASSIFIERS.find(([each]) => each === name)?.[1].config ?? {};
  const base = goldenBase(config);
  const tensors = new Map<string, FloatTensor>();
  for (const each of base.definition.weights.keys()) tensors.set(each, base.tensor(each));
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFile(join(folder, "tokenizer.json"), JSON.stringify(TOKENIZER));
  const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join("\n");
  await writeFile(join(folder, "train.jsonl"), lines(topicRows(240, 1)));
  await writeFile(join(folder, "test.jsonl"), lines(topicRows(90, 2)));
}

/** Options of a classifier on that folder. */
export function classifierOptions(folder: string): LearnerOptions {
  return {
    model: folder,
    engine: "onnx:cpu",
    onEngineLoss: "stop",
    threads: 1,
    task: "classification",
    adapter: { kind: "lora", rank: 4, alpha: 8, targets: ["all"], seed: 5 },
    factors: "both",
    optimizer: {
      learningRate: 0.01,
      weightDecay: 0,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      clipNorm: 1,
      warmupSteps: 2,
    },
    batchSize: 16,
    sequenceMax: 16,
    seed: 11,
    data: { train: [join(folder, "train.jsonl")], columns: {}, heldOutShare: 0.2 },
    test: { files: [join(folder, "test.jsonl")], columns: {} },
  };
}
