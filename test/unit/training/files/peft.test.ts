import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loraTensorName } from "../../../../src/training/adapters/methods/lora.ts";
import type { AdapterSettings } from "../../../../src/training/adapters/options.ts";
import type { AdapterExport } from "../../../../src/training/adapters/peft/adapter-export.ts";
import { loraConfig } from "../../../../src/training/adapters/peft/peft-config.ts";
import {
  type ExpectedAdapter,
  fitPeft,
  readPeft,
} from "../../../../src/training/adapters/peft/peft-reader.ts";
import { writePeft } from "../../../../src/training/adapters/peft/peft-writer.ts";
import type { AdapterLayout, TensorSlot } from "../../../../src/types.ts";
import { inFolder } from "./tiny-model.ts";

/** Rank 2 on q (8 x 8) and v (4 x 8) of two layers. */
function tinyLayout(): AdapterLayout {
  const tensors: TensorSlot[] = [];
  let length = 0;
  for (const layer of [0, 1]) {
    for (const [target, out] of [
      ["q_proj", 8],
      ["v_proj", 4],
    ] as const) {
      for (const [factor, shape] of [
        ["A", [2, 8]],
        ["B", [out, 2]],
      ] as const) {
        tensors.push({
          name: loraTensorName(`model.layers.${layer}.self_attn.${target}`, factor),
          shape,
          offset: length,
        });
        length += (shape[0] ?? 0) * (shape[1] ?? 0);
      }
    }
  }
  return { tensors, length, digest: "0".repeat(64) };
}

const layout = tinyLayout();
const adapter: AdapterExport = {
  layout,
  values: Float32Array.from({ length: layout.length }, (_, i) => i / 3),
  config: loraConfig({ rank: 2, alpha: 4, targets: ["q_proj", "v_proj"] }),
  baseModel: "org/base",
  baseDigest: "a".repeat(64),
  format: "text",
  origin: { runId: "run-1", round: 3 },
};
const settings: AdapterSettings = { kind: "lora", rank: 2, alpha: 4, targets: ["q", "v"] };
const expected: ExpectedAdapter = { layout, settings, baseDigest: adapter.baseDigest };

/** Reads the written folder after one JSON file in it was changed. */
async function readChanged(file: string, change: (json: Record<string, unknown>) => void) {
  return await inFolder(async (folder) => {
    await writePeft(folder, adapter);
    const path = join(folder, file);
    const json = JSON.parse(await readFile(path, "utf8"));
    change(json);
    await writeFile(path, JSON.stringify(json));
    return await readPeft(folder);
  });
}

describe("an exported adapter", () => {
  it("has PEFT's file names, tensor names and configuration", async () => {
    await inFolder(async (folder) => {
      await writePeft(folder, adapter);
      const config = JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8"));
      expect(config).toMatchObject({
        peft_type: "LORA",
        task_type: "CAUSAL_LM",
        r: 2,
        lora_alpha: 4,
        target_modules: ["q_proj", "v_proj"],
        base_model_name_or_path: "org/base",
        bias: "none",
        fan_in_fan_out: false,
      });
      const { tensors } = await readPeft(folder);
      expect([...tensors.keys()]).toContain(
        "base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight",
      );
    });
  });

  it("comes back bit for bit, with what klatch.json says", async () => {
    await inFolder(async (folder) => {
      await writePeft(folder, adapter);
      const read = await readPeft(folder);
      expect(read).toMatchObject({
        settings: { kind: "lora", rank: 2, alpha: 4, targets: ["q_proj", "v_proj"] },
        prompts: { format: "text" },
        origin: { runId: "run-1", round: 3 },
      });
      expect(fitPeft(read, expected)).toEqual(adapter.values);
    });
  });
});

describe("an adapter that does not fit", () => {
  const misfits: readonly [string, Partial<ExpectedAdapter>, RegExp][] = [
    ["another rank", { settings: { ...settings, rank: 4 } }, /rank is 2, expected 4/],
    ["another alpha", { settings: { ...settings, alpha: 8 } }, /alpha is 4, expected 8/],
    ["another base model", { baseDigest: "b".repeat(64) }, /another base model/],
    [
      "fewer tensors here",
      { layout: { ...layout, tensors: layout.tensors.slice(1) } },
      /is not adapted here/,
    ],
    [
      "another shape",
      { layout: { ...layout, tensors: layout.tensors.map((t) => ({ ...t, shape: [2, 9] })) } },
      /has the shape \[2,8\], expected \[2,9\]/,
    ],
    [
      "more tensors here",
      { layout: { ...layout, tensors: [...layout.tensors, { name: "x", shape: [1], offset: 0 }] } },
      /tensor x is missing/,
    ],
  ];
  it.each(misfits)("is refused for %s", async (_, change, message) => {
    const read = await readChanged("klatch.json", () => undefined);
    expect(() => fitPeft(read, { ...expected, ...change })).toThrow(message);
  });

  const configs: readonly [string, Record<string, unknown>, RegExp][] = [
    ["another method", { peft_type: "LOHA" }, /peft_type is LOHA/],
    ["trained biases", { bias: "all" }, /bias is all/],
    ["another method's switch", { use_qalora: true }, /use_qalora is true/],
    ["a rank by layer that is none", { rank_pattern: { q_proj: 0 } }, /rank_pattern/],
    ["an alpha pattern that is none", { alpha_pattern: { "(": 4 } }, /alpha_pattern has "\("/],
    ["no rank", { r: 0 }, /r:/],
    ["a start that changes the base model", { init_lora_weights: "pissa" }, /init_lora_weights/],
  ];
  it.each(configs)("is refused for %s", async (_, change, message) => {
    await expect(
      readChanged("adapter_config.json", (json) => Object.assign(json, change)),
    ).rejects.toThrow(message);
  });

  const patterns: readonly [string, Record<string, unknown>, number][] = [
    ["ranks by layer", { rank_pattern: { q_proj: 4 } }, 4],
    ["a pattern of modules", { target_modules: ".*_proj" }, 4],
    ["an alpha by layer", { alpha_pattern: { q_proj: 6 } }, 6],
  ];
  it.each(patterns)("takes layers and ranks from its tensors with %s", async (_, change, alpha) => {
    const read = await readChanged("adapter_config.json", (json) => Object.assign(json, change));
    const layers = [0, 1].flatMap((layer) => [
      [`model.layers.${layer}.self_attn.q_proj`, { rank: 2, alpha }],
      [`model.layers.${layer}.self_attn.v_proj`, { rank: 2, alpha: 4 }],
    ]);
    expect(read.settings).toMatchObject({ modules: Object.fromEntries(layers) });
    expect(fitPeft(read, { layout, settings: read.settings })).toEqual(adapter.values);
    // A run with one alpha for all layers takes it only where that is theirs.
    const even = () => fitPeft(read, expected);
    if (alpha === 4) expect(even()).toEqual(adapter.values);
    else expect(even).toThrow(/its alpha of .*q_proj is 6, expected 4/);
  });

  it("is refused when a value is not finite", async () => {
    await inFolder(async (folder) => {
      const values = Float32Array.from(adapter.values).fill(Number.NaN, 3, 4);
      await writePeft(folder, { ...adapter, values });
      await expect(readPeft(folder)).rejects.toThrow(/NaN or infinity/);
    });
  });
});
