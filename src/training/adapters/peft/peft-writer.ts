import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFolder, writeWhole } from "../../files/file-access.ts";
import { writeSafetensors } from "../../files/safetensors-writer.ts";
import { slotView } from "../../layout/slots.ts";
import { keysOf } from "../prompt-file.ts";
import type { AdapterExport } from "./adapter-export.ts";
import { writeCard } from "./model-card.ts";
import { KLATCH_FILE } from "./peft-config.ts";

/**
 * Writes a folder that Hugging Face PEFT loads: adapter_model.safetensors with PEFT's names and adapter_config.json;
 * beside them klatch.json with what PEFT has no field for, and README.md for people. Equal adapters give equal bytes.
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
  const { runId = null, round = null, ...proven } = adapter.origin ?? {};
  const own = {
    ...keysOf(adapter),
    baseModelDigest: adapter.baseDigest,
    ...(adapter.classes ? { classes: adapter.classes } : {}),
    ...(adapter.labels === "many" ? { labels: adapter.labels } : {}),
    ...{ runId, round, ...proven },
  };
  await writeWhole(join(folder, KLATCH_FILE), asJson(own));
  await writeCard(folder, adapter, "adapter");
}
