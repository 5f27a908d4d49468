import { dirname, join } from "node:path";
import { z } from "zod";
import { checkShape } from "../../files/file-access.ts";
import { readSafetensors, withSafetensors } from "../../files/safetensors.ts";
import type { AdapterSettings } from "../options.ts";
import { HEADS, isUnset, modules, refuseSetting, shown, targetNames } from "./peft-fields.ts";

const rank = z.number().int().min(1).max(4096);
const alpha = z.number().positive().max(1e6);
const loraSchema = z.looseObject({
  r: rank,
  lora_alpha: alpha,
  target_modules: modules.nullish(),
  bias: z.string().default("none"),
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  // What these choose stands in the file of tensors, layer by layer.
  rank_pattern: z.record(z.string().max(512), rank).nullish(),
  alpha_pattern: z.record(z.string().max(512), alpha).nullish(),
  layers_to_transform: z.unknown().optional(),
  exclude_modules: z.unknown().optional(),
  modules_to_save: z.array(z.string().max(512)).max(64).nullish(),
});
type RawLora = z.infer<typeof loraSchema>;

export const LORA_FIELDS = Object.keys(loraSchema.shape);

/** Ways to start that leave the base model as it is; the others change it, or are undone before saving. */
const PLAIN_STARTS: readonly unknown[] = ["gaussian", "orthogonal", "eva"];

type LoraSettings = Extract<AdapterSettings, { kind: "lora" | "rslora" | "dora" | "bitfit" }>;

/**
 * Reads the settings of a LoRA adapter. Where they choose layers by a pattern, by number or with ranks of their own,
 * the names and shapes of the tensors beside adapter_config.json say which layers and ranks they are.
 *
 * @throws KlatchError `incompatible` for what Klatch does not compute, `data` when a file is missing or malformed
 */
export async function readLora(json: unknown, file: string): Promise<LoraSettings> {
  const raw = checkShape(json, loraSchema, file);
  const kind = kindOf(raw, file);
  const tensors = join(dirname(file), "adapter_model.safetensors");
  if (raw.bias !== "none") return await readBiases(raw, tensors, file);
  const plain = { kind, rank: raw.r, alpha: raw.lora_alpha };
  const targets = isPattern(raw) ? ["all"] : targetNames(raw.target_modules ?? [], file);
  const isUneven = isPattern(raw) || PATTERNS.some((field) => !isUnset(raw[field]));
  const keeps = (raw.modules_to_save ?? []).some((name) => !HEADS.includes(name));
  if (!isUneven && !keeps) return { ...plain, targets };
  const shapes = await shapesIn(tensors);
  return {
    ...{ ...plain, targets },
    ...(isUneven ? { modules: layersOf(shapes, raw, file) } : {}),
    ...(keeps ? { whole: wholeWeights(shapes) } : {}),
  };
}

// --- internal ---

const PATTERNS = [
  "rank_pattern",
  "alpha_pattern",
  "layers_to_transform",
  "exclude_modules",
] as const;
const IN_PEFT = "base_model.model.";
const FACTOR_A = /^base_model\.model\.(.+)\.lora_A\.weight$/;
const OF_LORA = /\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)(\.|$)/;
const OF_HEAD = /(^|\.)(classifier|score)\./;

function kindOf(raw: RawLora, file: string): "lora" | "rslora" | "dora" {
  const { use_dora: dora, use_rslora: stabilised, init_lora_weights: start } = raw;
  if (typeof start === "string" && !PLAIN_STARTS.includes(start)) {
    throw refuseSetting(file, `init_lora_weights is ${shown(start)}`);
  }
  if (dora && stabilised) throw refuseSetting(file, "use_dora and use_rslora are both true");
  if (dora) return "dora";
  return stabilised ? "rslora" : "lora";
}

type Shapes = ReadonlyMap<string, readonly number[]>;

function isPattern({ target_modules: targets }: RawLora): boolean {
  return isUnset(targets) || (typeof targets === "string" && targets !== "all-linear");
}

async function shapesIn(tensors: string): Promise<Shapes> {
  return await withSafetensors(
    tensors,
    async ({ header }) => new Map([...header.tensors].map(([name, { shape }]) => [name, shape])),
  );
}

/** Biases have come with nothing else: factors of rank 1 that PEFT has to have, and that are zero. */
async function readBiases(raw: RawLora, tensors: string, file: string): Promise<LoraSettings> {
  if (raw.bias !== "all" || raw.r !== 1) throw refuseSetting(file, `bias is ${raw.bias}`);
  const { tensors: factors } = await readSafetensors(tensors, (name) => OF_LORA.test(name));
  const products = [...factors].filter(([name]) => !FACTOR_A.test(name));
  if (products.every(([, { data }]) => data.every((x) => x === 0))) return { kind: "bitfit" };
  throw refuseSetting(file, "bias is all beside factors that are not zero");
}

/** The adapted layers by their paths, with the rank that their factors have and the alpha that the settings give. */
function layersOf(shapes: Shapes, raw: RawLora, file: string) {
  const alphas = Object.entries(raw.alpha_pattern ?? {}).map(
    ([pattern, value]) => [pathPattern(pattern, file), value] as const,
  );
  const layers = [...shapes].flatMap(([name, [size = 0]]) => {
    const [, path] = FACTOR_A.exec(name) ?? [];
    if (path === undefined) return [];
    const own = alphas.find(([pattern]) => pattern.test(path))?.[1];
    return [[path, { rank: size, alpha: own ?? raw.lora_alpha }] as const];
  });
  if (layers.length > 0) return Object.fromEntries(layers);
  throw refuseSetting(file, "the file of tensors has no factors");
}

/** PEFT takes the first key that matches the end of a path, as an expression of Python. */
function pathPattern(pattern: string, file: string): RegExp {
  try {
    return new RegExp(`^(.*\\.)?(${pattern})$`, "u");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw refuseSetting(file, `alpha_pattern has ${shown(pattern)}`);
  }
}

/** What the file holds besides factors and a classification head: weights of the model, by the adapter's own values. */
function wholeWeights(shapes: Shapes): readonly string[] {
  return [...shapes.keys()]
    .filter((name) => name.startsWith(IN_PEFT) && !OF_LORA.test(name) && !OF_HEAD.test(name))
    .map((name) => name.slice(IN_PEFT.length));
}
