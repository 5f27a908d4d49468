/**
 * Writes a tiny model, an adapter folder of every method with values that are not zero, and the logits that Klatch
 * computes with it, for `check-peft.py` to compare: node scripts/export-adapters.ts FOLDER
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "../src/random.ts";
import { createAdapter } from "../src/training/adapters/kinds.ts";
import type { AdapterSettings } from "../src/training/adapters/options.ts";
import { writePeft } from "../src/training/adapters/peft/peft-writer.ts";
import type { BaseModel } from "../src/training/base/base-model.ts";
import { createOnnxEngine } from "../src/training/engine/onnx-engine.ts";
import type { FloatTensor } from "../src/training/files/safetensors.ts";
import { writeSafetensors } from "../src/training/files/safetensors-writer.ts";
import { AdaptedModel } from "../src/training/programs/adapted-model.ts";
import { referenceModel } from "../test/unit/training/adapters/reference.ts";
import { sequenceLogits } from "../test/unit/training/models/logits.ts";

const FACTORS = { rank: 2, alpha: 3, targets: ["q", "v", "down"] };
const KINDS: readonly AdapterSettings[] = [
  { kind: "lora", ...FACTORS },
  { kind: "rslora", ...FACTORS },
  { kind: "dora", ...FACTORS },
  { kind: "lora-xs", ...FACTORS },
  { kind: "ia3" },
  { kind: "bitfit" },
  { kind: "prefix", virtualTokens: 3 },
  { kind: "prompt", virtualTokens: 3 },
];
const IDS = [11, 16, 31, 24, 27, 8, 15, 0, 11, 16];

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: export-adapters.ts FOLDER");
// The model of the reference numbers that has biases, so that every method has something to change.
const { config } = JSON.parse(await readFile("test/fixtures/adapters/bitfit.json", "utf8"));
const base = referenceModel(config);
await writeModel(join(out, "model"));
for (const settings of KINDS) await writeAdapter(base, settings, join(out, settings.kind));

async function writeModel(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const tensors = new Map<string, FloatTensor>();
  for (const name of base.definition.weights.keys()) tensors.set(name, base.tensor(name));
  await writeSafetensors(join(folder, "model.safetensors"), tensors, {
    metadata: { format: "pt" },
  });
}

async function writeAdapter(model: BaseModel, settings: AdapterSettings, folder: string) {
  const adapter = createAdapter(model, settings);
  const random = seededRandom(9);
  const values = adapter.initial(1).map((x) => x + 0.4 * (random() - 0.5));
  const { layout, stored } = adapter;
  await writePeft(folder, {
    layout: stored?.layout ?? layout,
    values: stored?.write(values) ?? values,
    config: adapter.peftConfig(),
    baseModel: "../model",
    baseDigest: model.digest,
    format: "text",
  });
  const adapted = new AdaptedModel(model, adapter, createOnnxEngine({ threads: 1 }));
  const logits = await sequenceLogits(adapted, values, IDS);
  await adapted.close();
  await writeFile(
    join(folder, "expected.json"),
    JSON.stringify({ ids: IDS, logits: Array.from(logits) }),
  );
}
