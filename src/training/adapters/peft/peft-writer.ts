import assert from "node:assert/strict";
import { join } from "node:path";
import type { AdapterLayout, Digest } from "../../../types.ts";
import type { ExampleFormat } from "../../data/examples/example.ts";
import type { PromptLayout } from "../../data/examples/separator.ts";
import { makeFolder, writeWhole } from "../../files/file-access.ts";
import { writeSafetensors } from "../../files/safetensors-writer.ts";
import { keysOf } from "../prompt-file.ts";
import { slotView } from "../slots.ts";
import { KLATCH_FILE } from "./peft-config.ts";

/** An adapter as it lies in a node, and what a reader elsewhere has to know about it. */
export interface AdapterExport extends Partial<PromptLayout> {
  /** Slots carry the names of PEFT's files. */
  readonly layout: AdapterLayout;
  readonly values: Float32Array;
  /** The adapter's adapter_config.json but for the base model. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the base model is found: a hub name or a folder. */
  readonly baseModel: string;
  /** Commit of a hub model. */
  readonly baseRevision?: string;
  readonly baseDigest: Digest;
  /** What it was trained on, so that `generate` wraps its prompt in the same way. */
  readonly format: ExampleFormat;
  /** What its classification head tells apart; null without one. */
  readonly classes?: readonly string[] | null;
  readonly origin?: AdapterOrigin;
}

/** The joint run that an adapter came from, and the round after which it was so, counted from 1. */
export interface AdapterOrigin {
  readonly runId: string;
  readonly round: number;
}

/**
 * Writes a folder that Hugging Face PEFT loads: adapter_model.safetensors with PEFT's names and adapter_config.json;
 * beside them klatch.json with what PEFT has no field for. Equal adapters give equal bytes.
 *
 * @throws KlatchError `disk` or `permission` when the folder cannot be written
 */
export async function writePeft(folder: string, adapter: AdapterExport): Promise<void> {
  assert.equal(adapter.values.length, adapter.layout.length, "the flat array must fit its layout");
  await makeFolder(folder);
  const tensors = new Map(
    adapter.layout.tensors.map((slot) => [
      slot.name,
      { shape: slot.shape, data: slotView(adapter.values, slot) },
    ]),
  );
  await writeSafetensors(join(folder, "adapter_model.safetensors"), tensors, {
    metadata: { format: "pt" },
  });
  const asJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  const config = {
    ...adapter.config,
    base_model_name_or_path: adapter.baseModel,
    revision: adapter.baseRevision ?? null,
  };
  await writeWhole(join(folder, "adapter_config.json"), asJson(config));
  const own = {
    ...keysOf(adapter),
    baseModelDigest: adapter.baseDigest,
    ...(adapter.classes ? { classes: adapter.classes } : {}),
    runId: adapter.origin?.runId ?? null,
    round: adapter.origin?.round ?? null,
  };
  await writeWhole(join(folder, KLATCH_FILE), asJson(own));
}
