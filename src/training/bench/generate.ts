import { seededRandom } from "../../random.ts";
import type { BaseDType } from "../../types.ts";
import { createLora } from "../adapters/methods/lora.ts";
import type { HubOptions } from "../files/hub/options.ts";
import { AdaptedModel } from "../programs/adapted-model.ts";
import { generate } from "../programs/generation.ts";
import { type BenchModelOptions, benchEngine, benchModel, checkCounts } from "./model.ts";

export interface BenchGenerateOptions extends BenchModelOptions {
  /** Random tokens of the prompt. */
  readonly prompt: number;
  /** New tokens of every text. */
  readonly tokens: number;
  /** Timed texts, after one that is not. */
  readonly texts: number;
}

export interface BenchGenerateResult {
  readonly engine: string;
  readonly dtype: BaseDType;
  readonly threads: number;
  readonly prompt: number;
  readonly tokens: number;
  /** Parameters of the base model. */
  readonly parameters: number;
  /** New tokens over the median time of a text, its prompt included. */
  readonly tokensPerSecond: number;
  /** New tokens over the fastest text's time: what the machine can do when nothing else runs on it. */
  readonly tokensPerSecondBest: number;
  /** The first of the ids made, for comparing engines. */
  readonly ids: readonly number[];
  readonly peakRssBytes: number;
}

const IDS_SHOWN = 8;

/**
 * Times greedy generation from a base model with an untrained LoRA pair on q and v, one text at a time, on the
 * calling thread.
 *
 * @throws KlatchError `usage` for an impossible shape or prompt, else as the model or the engine deserves
 */
export async function benchGenerate(
  options: BenchGenerateOptions,
  hub?: HubOptions,
): Promise<BenchGenerateResult> {
  const { prompt, tokens, texts, threads, dtype = "f32" } = options;
  checkCounts({ prompt, tokens, texts });
  const loaded = await benchModel(options, prompt + tokens, hub);
  // Every text must have its full length, whatever its ids.
  const base = { ...loaded, definition: { ...loaded.definition, eosIds: [] } };
  const method = createLora(base.definition, { rank: 8, alpha: 16, targets: ["q", "v"] });
  const engine = await benchEngine(options);
  const model = new AdaptedModel(base, method, engine, { dtype });
  const adapter = method.initial(1);
  const random = seededRandom(2);
  const draw = () => Math.floor(random() * base.definition.vocabSize);
  const ids = Array.from({ length: prompt }, draw);
  const sampling = { maxTokens: tokens, temperature: 0, seed: 1 };
  let made = await generate(model, adapter, ids, sampling);
  const times: number[] = [];
  for (let i = 0; i < texts; i += 1) {
    const before = performance.now();
    made = await generate(model, adapter, ids, sampling);
    times.push(performance.now() - before);
  }
  await model.close();
  await engine.close();
  times.sort((a, b) => a - b);
  const speed = (ms = 0) => (made.length * 1000) / ms;
  return {
    engine: engine.name,
    dtype,
    threads,
    prompt,
    tokens: made.length,
    parameters: base.parameters,
    tokensPerSecond: speed(times[Math.floor(times.length / 2)]),
    tokensPerSecondBest: speed(times[0]),
    ids: made.slice(0, IDS_SHOWN),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}
