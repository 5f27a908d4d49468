import { createLora, type LoraAdapter } from "../../../../src/training/adapters/methods/lora.ts";
import type { BaseModel } from "../../../../src/training/base/base-model.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { engine } from "../graph/finite-differences.ts";
import {
  type GoldenGradients,
  goldenModelOf,
  goldenValues,
  readGoldens,
} from "./golden-numbers.ts";

/** What Hugging Face transformers and PEFT computed; make.py beside the files says how. */
export interface Golden {
  readonly rank: number;
  readonly alpha: number;
  readonly config: { readonly architectures: readonly string[] };
  /** Shapes of the model's parameters by name, a tied head left out. */
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly ids: readonly number[];
  readonly loss: number;
  readonly logits_norm: number;
  /** Of every position. */
  readonly logits_first5: readonly (readonly number[])[];
  readonly gradients: GoldenGradients;
}

/** Every case by name. */
export const GOLDENS = readGoldens<Golden>("test/fixtures/architectures");

interface GoldenModel {
  readonly base: BaseModel;
  readonly lora: LoraAdapter;
  readonly model: AdaptedModel;
  readonly adapter: Float32Array;
}

/** A case's model with its LoRA factors on every linear layer; reads its weights anew at every run. */
export function goldenModel(golden: Golden): GoldenModel {
  const read = parseModelConfig(JSON.stringify(golden.config), "config.json");
  // Generation would stop at an id that ends a text.
  const definition = { ...read, eosIds: [] };
  const base = goldenModelOf(definition, Object.entries(golden.weights));
  const { rank, alpha } = golden;
  const lora = createLora(definition, { rank, alpha, targets: ["all"] });
  const adapter = goldenValues(lora.layout);
  return { base, lora, adapter, model: new AdaptedModel(base, lora, engine, { copyBytesMax: 0 }) };
}
