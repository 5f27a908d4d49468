import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AdaptedModel } from "../../../src/training/adapted-model.ts";
import type { Adapter } from "../../../src/training/adapters/adapter.ts";
import { withClassificationHead } from "../../../src/training/adapters/classification-head.ts";
import { createLora } from "../../../src/training/adapters/lora.ts";
import { classification } from "../../../src/training/classification.ts";
import type { LabelledExample } from "../../../src/training/data/labelled.ts";
import { type BaseModel, makeBaseModel } from "../../../src/training/files/base-model.ts";
import { sizeOf } from "../../../src/training/graph/value.ts";
import { parseModelConfig } from "../../../src/training/models/architectures.ts";
import { engine } from "./finite-differences.ts";
import { stream } from "./golden-architectures.ts";

/** What Hugging Face transformers and PEFT computed; make.py beside the files says how. */
export interface GoldenClassifier {
  readonly rank: number;
  readonly alpha: number;
  readonly config: { readonly architectures: readonly string[]; readonly model_type: string };
  readonly texts: readonly (readonly number[])[];
  readonly loss: number;
  /** Of each text. */
  readonly logits: readonly (readonly number[])[];
  readonly gradients: Readonly<
    Record<
      string,
      { readonly norm: number; readonly dot: number; readonly first: readonly number[] }
    >
  >;
}

const FOLDER = "test/fixtures/encoders";
export const CLASSES = ["no", "yes", "perhaps"];

/** Every case of the folder by name. */
export const CLASSIFIERS: readonly (readonly [string, GoldenClassifier])[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".json"))
  .map((file) => {
    const golden = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as GoldenClassifier;
    return [file.slice(0, -".json".length), golden] as const;
  });

/** A model of this config.json with the weights that make.py gives it; a name's stream may be another name's. */
export function goldenBase(config: object, nameOf = (name: string) => name): BaseModel {
  const definition = parseModelConfig(JSON.stringify(config), "config.json");
  const weights = [...definition.weights].map(([name, shape]) => {
    const centre = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
    const data = Float32Array.from(stream(name, sizeOf(shape)), (u) => centre + u);
    return [nameOf(name), { shape, data }] as const;
  });
  return makeBaseModel(definition, new Map(weights), "golden model");
}

export interface ClassifierModel {
  readonly method: Adapter;
  readonly model: AdaptedModel;
  readonly adapter: Float32Array;
  readonly examples: readonly LabelledExample[];
}

/** A case's model with LoRA on every linear layer and a head; reads its weights anew at every run. */
export function classifierModel(golden: GoldenClassifier, base: BaseModel): ClassifierModel {
  const { definition } = base;
  const { rank, alpha } = golden;
  const lora = createLora(definition, { kind: "lora", rank, alpha, targets: ["all"] });
  const method = withClassificationHead(lora, definition, CLASSES);
  const adapter = new Float32Array(method.layout.length);
  for (const { name, shape, offset } of method.layout.tensors) {
    adapter.set(
      stream(name, sizeOf(shape)).map((u) => 0.4 * u),
      offset,
    );
  }
  const objective = classification(definition);
  const model = new AdaptedModel(base, method, engine, { copyBytesMax: 0, objective });
  const examples = golden.texts.map((ids, label) => ({
    ids: Int32Array.from(ids),
    label,
    truncated: false,
  }));
  return { method, model, adapter, examples };
}
