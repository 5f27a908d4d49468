import { join } from "node:path";
import { z } from "zod";
import { checkShape, parseJson, readText } from "../../files/file-access.ts";
import { setFields } from "../../files/json-fields.ts";
import { CONFIG_BYTES_MAX } from "../../files/model-files.ts";
import { scoreClass } from "../classifier.ts";
import { refuse } from "../config-fields.ts";
import type { Architecture, ModelDefinition } from "../definition.ts";
import { refuseQuantised } from "../quantised.ts";
import { storedClasses, storedLabels } from "../stored-classes.ts";
import { BERT } from "./bert.ts";
import { GEMMA2, GEMMA3 } from "./gemma.ts";
import { GPT_NEOX } from "./gpt-neox.ts";
import { GPT2 } from "./gpt2.ts";
import { LLAMA } from "./llama.ts";
import { MISTRAL } from "./mistral.ts";
import { PHI3 } from "./phi3.ts";
import { QWEN2, QWEN3 } from "./qwen.ts";
import { ROBERTA, XLM_ROBERTA } from "./roberta.ts";
import { SMOLLM3 } from "./smollm3.ts";
import { VIT } from "./vit.ts";

/** Models that write text, and can be classifiers too. */
export const DECODERS: readonly Architecture[] = [
  LLAMA,
  MISTRAL,
  QWEN2,
  QWEN3,
  SMOLLM3,
  GPT_NEOX,
  GPT2,
  PHI3,
  GEMMA2,
  GEMMA3,
];
/** Models that only classify. */
export const ENCODERS: readonly Architecture[] = [BERT, ROBERTA, XLM_ROBERTA, VIT];
/** Every architecture that Klatch trains. */
const ARCHITECTURES = [...DECODERS, ...ENCODERS];

const kindSchema = z.object({
  model_type: z.string().optional(),
  architectures: z.array(z.string()).nullish(),
  is_causal: z.unknown().optional(),
});

/**
 * Reads the text of a Hugging Face config.json.
 *
 * @throws KlatchError `data` when it is not JSON or a value is out of bounds, `incompatible` when the model is of
 *   another architecture, uses a part that Klatch does not compute, or has quantised weights
 */
export function parseModelConfig(text: string, file: string): ModelDefinition {
  const json = parseJson(text, file);
  refuseQuantised(json, file);
  const { architectures, model_type, is_causal } = checkShape(json, kindSchema, file);
  const name = architectures?.[0];
  const classes = storedClasses(json, file);
  const labels = storedLabels(json, file);
  const more = {
    ...(classes === undefined ? {} : { classes }),
    ...(labels === undefined ? {} : { labels }),
  };
  const found = ARCHITECTURES.find(({ names, modelType }) =>
    name === undefined ? modelType === model_type : names.includes(name),
  );
  if (found !== undefined && ENCODERS.includes(found))
    return { ...found.define(json, file), ...more };
  // transformers takes anything but true for false.
  if (is_causal !== undefined && is_causal !== true) {
    throw refuse(
      file,
      `is_causal is ${is_causal}: this decoder attends both ways, and Klatch's look back only`,
    );
  }
  if (found !== undefined) return { ...found.define(json, file), ...more };
  const writer = DECODERS.find(({ names }) => names.some((each) => scoreClass(each) === name));
  if (name !== undefined && writer !== undefined) {
    return { ...withoutVocabularyHead(writer.define(json, file)), architecture: name, ...more };
  }
  const supported = ARCHITECTURES.map(({ modelType }) => modelType).join(", ");
  const asked = name ?? model_type ?? "(none named)";
  throw refuse(file, `architecture ${asked} is not supported; Klatch trains ${supported}`);
}

/** A decoder saved as a classifier has no head over the vocabulary. */
function withoutVocabularyHead(definition: ModelDefinition): ModelDefinition {
  const { head, embedding } = definition;
  if (head === null || head === embedding) return { ...definition, head: null };
  const weights = new Map(definition.weights);
  weights.delete(head);
  const aliases = new Map([...definition.aliases].filter(([, name]) => name !== head));
  return { ...definition, weights, aliases, head: null };
}

/** Reads config.json of a Hugging Face model folder; see {@link parseModelConfig}. */
export async function readModelConfig(folder: string): Promise<ModelDefinition> {
  return await readConfigFile(join(folder, "config.json"));
}

/** The same for a model whose head is no copy of its embedding, whatever config.json says. */
export async function readUntiedConfig(folder: string): Promise<ModelDefinition> {
  const file = join(folder, "config.json");
  const text = await readText(file, CONFIG_BYTES_MAX);
  return parseModelConfig(setFields(text, { tie_word_embeddings: false }), file);
}

/** Reads a config.json wherever it lies; see {@link parseModelConfig}. */
export async function readConfigFile(file: string): Promise<ModelDefinition> {
  return parseModelConfig(await readText(file, CONFIG_BYTES_MAX), file);
}
