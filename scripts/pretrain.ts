/**
 * Makes the bundled base model: a tokenizer and a small Llama-type decoder, trained from nothing on texts that
 * testnet/texts generates, with this repository's own engine.
 *
 *   node scripts/pretrain.ts [--out testnet/model] [--seed 1] [--steps 800] [--batch 4] [--threads 1]
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { seededRandom } from "../src/random.ts";
import type { Example } from "../src/training/data/examples/example.ts";
import { loadTokenizer } from "../src/training/data/tokenizer/tokenizer.ts";
import { createOnnxEngine } from "../src/training/engine/onnx-engine.ts";
import { readJson } from "../src/training/files/file-access.ts";
import { writeSafetensors } from "../src/training/files/safetensors-writer.ts";
import type { OptimizerOptions } from "../src/training/loop/optimizer.ts";
import { llamaConfig, llamaModel } from "../src/training/models/architectures/llama.ts";
import { pretrainingTexts } from "../testnet/texts/pretraining-text.ts";
import { trainBytePairs } from "./byte-pair-training.ts";
import { FullModel } from "./full-model.ts";
import { type LossPoint, writeModelCard } from "./model-card.ts";
import { configJson, startTensors } from "./model-start.ts";
import { packedExamples } from "./packed-examples.ts";
import { SPECIAL_TOKENS, writeTokenizer } from "./tokenizer-files.ts";

const VOCABULARY = 2048;
const CONTEXT = 256;
const TOKENIZER_TEXTS = 20_000;
const LEARNING_RATE = 4e-3;
const WARMUP_STEPS = 60;
/** Texts for validation come from a seed that training never uses. */
const VALIDATION_SEED_OFFSET = 7_919;
const VALIDATION_BATCHES = 8;
const REPORT_EVERY = 50;

const { values: flags } = parseArgs({
  options: {
    out: { type: "string", default: "testnet/model" },
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "800" },
    batch: { type: "string", default: "4" },
    threads: { type: "string", default: "1" },
  },
});
const seed = Number(flags.seed);
const steps = Number(flags.steps);
const batchSize = Number(flags.batch);

function take<T>(source: Iterator<T, unknown>, count: number): T[] {
  return Array.from({ length: count }, () => source.next().value as T);
}

/** Linear warm-up, then a cosine down to a tenth. */
function learningRate(step: number): number {
  if (step < WARMUP_STEPS) return (LEARNING_RATE * (step + 1)) / WARMUP_STEPS;
  const progress = (step - WARMUP_STEPS) / Math.max(1, steps - WARMUP_STEPS);
  return LEARNING_RATE * (0.55 + 0.45 * Math.cos(Math.PI * progress));
}

function optimizer(step: number): OptimizerOptions {
  return {
    learningRate: learningRate(step),
    weightDecay: 0.05,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    clipNorm: 1,
    warmupSteps: 0,
  };
}

async function meanLoss(model: FullModel, batches: readonly (readonly Example[])[]) {
  let sum = 0;
  for (const batch of batches) sum += (await model.lossAndGradient(batch)).loss;
  return sum / batches.length;
}

async function train(folder: string): Promise<void> {
  const file = join(folder, "config.json");
  const config = llamaConfig(await readJson(file, z.unknown()), file);
  const definition = llamaModel(config);
  const tokenizer = await loadTokenizer(folder);
  const engine = createOnnxEngine({ threads: Number(flags.threads) });
  const model = new FullModel(definition, startTensors(definition, seededRandom(seed)), engine);
  const length = config.contextMax + 1;
  const rows = packedExamples(pretrainingTexts(seed), tokenizer, length);
  const unseen = packedExamples(pretrainingTexts(seed + VALIDATION_SEED_OFFSET), tokenizer, length);
  const validation = Array.from({ length: VALIDATION_BATCHES }, () => take(unseen, batchSize));
  const curve: LossPoint[] = [];
  const started = performance.now();
  let recent = 0;
  let since = 0;
  for (let step = 0; step <= steps; step++) {
    if (step % REPORT_EVERY === 0 || step === steps) {
      const seconds = Math.round((performance.now() - started) / 1000);
      const loss = await meanLoss(model, validation);
      curve.push({ step, trainLoss: since ? recent / since : null, validationLoss: loss, seconds });
      process.stdout.write(`${JSON.stringify(curve.at(-1))}\n`);
      recent = 0;
      since = 0;
    }
    if (step === steps) break;
    recent += await model.step(take(rows, batchSize), optimizer(step));
    since += 1;
  }
  await writeSafetensors(join(folder, "model.safetensors"), model.tensors(), {
    dtype: "BF16",
    metadata: { format: "pt" },
  });
  await model.close();
  const tokens = steps * batchSize * config.contextMax;
  await writeModelCard(folder, {
    config,
    curve,
    seed,
    steps,
    batchSize,
    tokens,
    parameters: model.values.length,
  });
}

const merges = trainBytePairs(
  take(pretrainingTexts(seed), TOKENIZER_TEXTS),
  VOCABULARY - SPECIAL_TOKENS.length,
);
await mkdir(flags.out, { recursive: true });
const json = configJson(SPECIAL_TOKENS.length + 256 + merges.length, CONTEXT);
await writeFile(join(flags.out, "config.json"), `${JSON.stringify(json, null, 2)}\n`);
await writeTokenizer(flags.out, merges, CONTEXT);
await train(flags.out);
