import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import { type AdapterLayout, type Digest, RUN_MODES } from "../../../types.ts";
import type { LabelKind } from "../../data/examples/labels.ts";
import type { PromptLayout } from "../../data/examples/separator.ts";
import { ifThere, readJson } from "../../files/file-access.ts";
import { type FloatTensor, readSafetensors } from "../../files/safetensors.ts";
import type { AdapterSettings } from "../options.ts";
import { layoutIn, promptKeys } from "../prompt-file.ts";
import type { AdapterOrigin } from "./adapter-export.ts";
import { KLATCH_FILE } from "./peft-config.ts";
import { readAdapterSettings } from "./peft-settings.ts";

/** An adapter read from a PEFT folder; what klatch.json would say is null for adapters trained elsewhere. */
export interface PeftAdapter {
  readonly settings: AdapterSettings;
  readonly folder: string;
  readonly tensors: ReadonlyMap<string, FloatTensor>;
  readonly prompts: PromptLayout | null;
  readonly baseDigest: Digest | null;
  /** What its classification head tells apart, where klatch.json says so. */
  readonly classes: readonly string[] | null;
  /** How many of them a text or an image has. */
  readonly labels: LabelKind;
  readonly origin: AdapterOrigin | null;
}

const ownSchema = z.object({
  ...promptKeys,
  baseModelDigest: z.string().regex(/^[0-9a-f]{64}$/),
  classes: z.array(z.string().min(1).max(1000)).min(2).max(10_000).nullish(),
  labels: z.literal("many").nullish(),
  runId: z.string().max(256).nullish(),
  round: z.int().min(0).nullish(),
  mode: z.enum(RUN_MODES).nullish(),
  head: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullish(),
});

async function readOwn(folder: string): Promise<z.infer<typeof ownSchema> | null> {
  return await ifThere(readJson(join(folder, KLATCH_FILE), ownSchema));
}

/** What stands between prompts and completions of an adapter's training; null for one that does not say. */
export async function readAdapterSeparator(folder: string): Promise<string | null> {
  return (await readOwn(folder))?.separator ?? null;
}

/** What an adapter's classification head tells apart; null for one that has none or does not say. */
export async function readAdapterClasses(folder: string): Promise<readonly string[] | null> {
  return (await readAdapterHead(folder))?.classes ?? null;
}

/** The same, and how many of its classes a text has. */
export async function readAdapterHead(
  folder: string,
): Promise<{ readonly classes: readonly string[]; readonly labels: LabelKind } | null> {
  const own = await readOwn(folder);
  return own?.classes ? { classes: own.classes, labels: own.labels ?? "one" } : null;
}

/** The run and round that an adapter folder names; null for one that was not trained with others. */
export async function readAdapterOrigin(folder: string): Promise<AdapterOrigin | null> {
  return originOf(await readOwn(folder));
}

function originOf(own: z.infer<typeof ownSchema> | null): AdapterOrigin | null {
  const { runId, round, mode, head } = own ?? {};
  if (!runId || typeof round !== "number") return null;
  return { runId, round, ...(mode ? { mode } : {}), ...(head ? { head } : {}) };
}

/**
 * Reads a PEFT folder: adapter_config.json, adapter_model.safetensors and, when there is one, klatch.json.
 *
 * @throws KlatchError `data` when a file is missing or damaged or a value is not finite, `incompatible` when it is of a
 *   method, or has a setting, that Klatch does not compute
 */
export async function readPeft(folder: string): Promise<PeftAdapter> {
  const settings = await readAdapterSettings(folder);
  const own = await readOwn(folder);
  const file = join(folder, "adapter_model.safetensors");
  const { tensors } = await readSafetensors(file);
  for (const [name, { data }] of tensors) {
    if (!data.every(Number.isFinite)) {
      const what = `${file}: tensor ${name} holds NaN or infinity`;
      throw new KlatchError("data", what, "use an adapter from before training diverged");
    }
  }
  return {
    settings,
    folder,
    tensors,
    prompts: own && layoutIn(own),
    baseDigest: own?.baseModelDigest ?? null,
    classes: own?.classes ?? null,
    labels: own?.labels ?? "one",
    origin: originOf(own),
  };
}

/** The adapter that a learner works with, for comparison. */
export interface ExpectedAdapter {
  readonly layout: AdapterLayout;
  readonly settings: AdapterSettings;
  readonly baseDigest?: Digest;
  readonly classes?: readonly string[] | null;
  readonly labels?: LabelKind;
}

const same = <T>(a: readonly T[], b: readonly T[]) =>
  a.length === b.length && a.every((each, i) => each === b[i]);

function list(classes: readonly string[]): string {
  const more = classes.length > 5 ? `, ... (${classes.length})` : "";
  return `${classes.slice(0, 5).join(", ")}${more}`;
}

/** The first thing that does not fit, as the end of a sentence; null when everything does. */
function misfit(adapter: PeftAdapter, expected: ExpectedAdapter): string | null {
  const { layout, settings, baseDigest } = expected;
  if (
    baseDigest !== undefined &&
    adapter.baseDigest !== null &&
    adapter.baseDigest !== baseDigest
  ) {
    return `it was trained on another base model (${adapter.baseDigest.slice(0, 12)}, here ${baseDigest.slice(0, 12)})`;
  }
  if (expected.classes && adapter.classes && !same(adapter.classes, expected.classes)) {
    return `it tells ${list(adapter.classes)} apart, expected ${list(expected.classes)}`;
  }
  if (expected.classes && adapter.classes && adapter.labels !== (expected.labels ?? "one")) {
    return `it gives ${adapter.labels} of the classes to a text, expected ${expected.labels ?? "one"}`;
  }
  const found: Readonly<Record<string, unknown>> = adapter.settings;
  for (const [name, value] of Object.entries(settings)) {
    // Lists name layers, in any of several ways; the tensors show which they are.
    if (found[name] === value || typeof value === "object") continue;
    return `its ${name} is ${found[name]}, expected ${value}`;
  }
  return alphaMisfit(adapter.settings, settings) ?? tensorMisfit(adapter, layout);
}

/** Likewise, for the alphas of layers, which no tensor shows. */
function alphaMisfit(found: AdapterSettings, expected: AdapterSettings): string | null {
  const [own, here] = [alphasOf(found), alphasOf(expected)];
  for (const path of new Set([...own.paths, ...here.paths])) {
    const [alpha, other] = [own.of(path), here.of(path)];
    if (alpha !== other) return `its alpha of ${path} is ${alpha}, expected ${other}`;
  }
  return null;
}

function alphasOf(settings: AdapterSettings) {
  const layers = new Map("modules" in settings ? Object.entries(settings.modules ?? {}) : []);
  const base = "alpha" in settings ? settings.alpha : undefined;
  return { paths: layers.keys(), of: (path: string) => layers.get(path)?.alpha ?? base };
}

/** Likewise, for names and shapes. */
function tensorMisfit(adapter: PeftAdapter, layout: AdapterLayout): string | null {
  for (const { name, shape } of layout.tensors) {
    const tensor = adapter.tensors.get(name);
    if (!tensor) return `tensor ${name} is missing`;
    if (!same(tensor.shape, shape)) {
      return `tensor ${name} has the shape [${tensor.shape}], expected [${shape}]`;
    }
  }
  const slots = new Set(layout.tensors.map(({ name }) => name));
  for (const name of adapter.tensors.keys()) {
    if (!slots.has(name)) return `tensor ${name} is not adapted here`;
  }
  return null;
}

/**
 * Puts a read adapter into a learner's flat layout.
 *
 * @throws KlatchError `incompatible`, saying what differs, when base model, settings, names or shapes do not fit
 */
export function fitPeft(adapter: PeftAdapter, expected: ExpectedAdapter): Float32Array {
  const reason = misfit(adapter, expected);
  if (reason !== null) {
    throw new KlatchError(
      "incompatible",
      `the adapter in ${adapter.folder} does not fit: ${reason}`,
      "use the base model and the adapter settings it was trained with",
    );
  }
  const values = new Float32Array(expected.layout.length);
  for (const { name, offset } of expected.layout.tensors) {
    const tensor = adapter.tensors.get(name);
    if (tensor) values.set(tensor.data, offset);
  }
  return values;
}
