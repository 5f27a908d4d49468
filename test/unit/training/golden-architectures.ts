import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AdaptedModel } from "../../../src/training/adapted-model.ts";
import { createLora, type LoraAdapter } from "../../../src/training/adapters/lora.ts";
import {
  type BaseModel,
  type BaseTensor,
  makeBaseModel,
} from "../../../src/training/files/base-model.ts";
import { sizeOf } from "../../../src/training/graph/value.ts";
import { parseModelConfig } from "../../../src/training/models/architectures.ts";
import { engine } from "./finite-differences.ts";

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
  readonly gradients: Readonly<
    Record<
      string,
      { readonly norm: number; readonly dot: number; readonly first: readonly number[] }
    >
  >;
}

const FOLDER = "test/fixtures/architectures";

/** Every case of the folder by name. */
export const GOLDENS: readonly (readonly [string, Golden])[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".json"))
  .map((file) => {
    const golden = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Golden;
    return [file.slice(0, -".json".length), golden] as const;
  });

/** The stream of numbers in [-0.5, 0.5) that belongs to a tensor's name. */
export function stream(name: string, count: number): Float64Array {
  let state = 2166136261;
  for (const byte of new TextEncoder().encode(name)) {
    state = Math.imul(state ^ byte, 16777619) >>> 0;
  }
  return Float64Array.from({ length: count }, () => {
    // 1664525 * 2^32 is below 2^53, so the product is exact.
    state = (1664525 * state + 1013904223) % 2 ** 32;
    return state / 2 ** 32 - 0.5;
  });
}

/** The weights that make.py gives a model. */
function goldenWeights({ weights }: Golden): Map<string, BaseTensor> {
  return new Map(
    Object.entries(weights).map(([name, shape]) => {
      const centre = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
      const data = Float32Array.from(stream(name, sizeOf(shape)), (u) => centre + u);
      return [name, { shape, data }];
    }),
  );
}

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
  const base = makeBaseModel(definition, goldenWeights(golden), "golden model");
  const { rank, alpha } = golden;
  const lora = createLora(definition, { rank, alpha, targets: ["all"] });
  const adapter = new Float32Array(lora.layout.length);
  for (const { name, shape, offset } of lora.layout.tensors) {
    const values = stream(name, sizeOf(shape)).map((u) => 0.4 * u);
    adapter.set(values, offset);
  }
  return { base, lora, adapter, model: new AdaptedModel(base, lora, engine, { copyBytesMax: 0 }) };
}
