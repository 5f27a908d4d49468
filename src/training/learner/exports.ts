import { writeMergedModel } from "../adapters/merging/merge.ts";
import type { AdapterExport } from "../adapters/peft/adapter-export.ts";
import { writeCard } from "../adapters/peft/model-card.ts";
import { writePeft } from "../adapters/peft/peft-writer.ts";
import { writePromptLayout } from "../adapters/prompt-file.ts";
import type { PromptLayout } from "../data/examples/separator.ts";
import type { FloatFormat } from "../files/float-formats.ts";
import type { ModelOrigin } from "../files/hub/options.ts";
import { readLicence } from "../files/licence.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";
import type { LearnerData } from "./data.ts";
import type { AdapterAbout } from "./learner.ts";

/** What an adapter is told by that a learner writes down. */
export interface ExportSource {
  readonly model: AdaptedModel;
  /** Folder of the base model, and where that came from; null for a folder of the user's. */
  readonly folder: string;
  readonly origin: ModelOrigin | null;
  readonly prompts: PromptLayout;
  readonly data: Pick<LearnerData, "classes" | "labels">;
  readonly about: AdapterAbout;
}

/** Writes a folder that PEFT loads. */
export async function writeAdapter(
  out: string,
  values: Float32Array,
  source: ExportSource,
): Promise<void> {
  await writePeft(out, await described(values, source));
}

/** Writes a folder that transformers loads, with the adapter folded into the weights. */
export async function writeMerged(
  out: string,
  values: Float32Array,
  dtype: FloatFormat | null,
  source: ExportSource,
): Promise<void> {
  const { model, folder: base, data, prompts } = source;
  const { adapter } = model;
  const { definition } = model.base;
  await writeMergedModel({ base, definition, adapter, values, out, dtype });
  if (data.classes === null) await writePromptLayout(out, prompts);
  await writeCard(out, await described(values, source), "merged");
}

// --- internal ---

async function described(values: Float32Array, source: ExportSource): Promise<AdapterExport> {
  const { model, folder, origin, prompts, data, about } = source;
  const { adapter: method, base } = model;
  return {
    layout: method.stored?.layout ?? method.layout,
    values: method.stored?.write(values) ?? values,
    config: method.peftConfig(),
    baseModel: origin?.id ?? folder,
    ...(origin ? { baseRevision: origin.commit } : {}),
    baseDigest: base.digest,
    ...prompts,
    classes: data.classes,
    labels: data.labels,
    licence: await readLicence(folder),
    ...about,
  };
}
