import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Adapter } from "../../../../src/training/adapters/adapter.ts";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import { foldLowRank } from "../../../../src/training/adapters/merging/fold.ts";
import { writeMergedModel } from "../../../../src/training/adapters/merging/merge.ts";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import type { AdapterSettings } from "../../../../src/training/adapters/options.ts";
import { type BaseModel, loadBaseModel } from "../../../../src/training/base/base-model.ts";
import type { FloatFormat } from "../../../../src/training/files/float-formats.ts";
import { readSafetensors, withSafetensors } from "../../../../src/training/files/safetensors.ts";
import {
  streamSafetensors,
  writeSafetensors,
} from "../../../../src/training/files/safetensors-writer.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { engine, numbers } from "../graph/finite-differences.ts";
import { writeTinyFolder } from "../learner/model-folder.ts";
import { sequenceLogits } from "../models/logits.ts";

const IDS = [1, 40, 90, 3, 100, 0, 70];
const LOW_RANK = { rank: 2, alpha: 6, targets: ["all"] };
const METHODS: readonly AdapterSettings[] = [
  { kind: "lora", ...LOW_RANK },
  { kind: "rslora", ...LOW_RANK },
  { kind: "dora", ...LOW_RANK },
  { kind: "lora-xs", ...LOW_RANK },
  { kind: "ia3" },
];

async function baseFolder() {
  const folder = temporaryFolder();
  await writeTinyFolder(folder);
  return { folder, base: await loadBaseModel(folder) };
}

/** Values as after training: nothing is zero, and every method changes the model. */
function trainedValues(adapter: Adapter): Float32Array {
  const noise = numbers(adapter.layout.length, 7);
  return adapter.initial(3).map((x, i) => x + 0.3 * (noise[i] ?? 0));
}

async function merge(
  { folder, base }: { folder: string; base: BaseModel },
  adapter: Adapter,
  values: Float32Array,
  dtype: FloatFormat | null = null,
) {
  const out = temporaryFolder();
  const { definition } = base;
  await writeMergedModel({ base: folder, definition, adapter, values, out, dtype });
  return out;
}

async function logitsOf(base: BaseModel, adapter: Adapter, values: Float32Array) {
  const model = new AdaptedModel(base, adapter, engine);
  try {
    return await sequenceLogits(model, values, IDS);
  } finally {
    await model.close();
  }
}

const worst = (a: Float32Array, b: Float32Array) =>
  Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? 0))));

describe("a merged model", () => {
  test.each(METHODS)("gives the logits of the base with the adapter: $kind", async (settings) => {
    const source = await baseFolder();
    const { base } = source;
    const adapter = createAdapter(base, settings);
    const values = trainedValues(adapter);
    // Changes nothing, whichever method was merged.
    const none = createLora(base.definition, { ...LOW_RANK, rank: 1 });

    const found = await loadBaseModel(await merge(source, adapter, values));

    const expected = await logitsOf(base, adapter, values);
    const zeros = new Float32Array(none.layout.length);
    expect(worst(await logitsOf(found, none, zeros), expected)).toBeLessThan(1e-4);
    // Control: the adapter does change the logits.
    expect(worst(await logitsOf(base, none, zeros), expected)).toBeGreaterThan(0.05);
  });

  test("has the files of the base, and other values in the adapted weights alone", async () => {
    const source = await baseFolder();
    const { folder } = source;
    await writeFile(join(folder, "LICENSE"), "free");
    await writeFile(join(folder, "modeling.py"), "no code");
    await mkdir(join(folder, "additional_chat_templates"));
    await writeFile(join(folder, "additional_chat_templates", "tool_use.jinja"), "tools");
    await writeFile(join(folder, "additional_chat_templates", "notes.txt"), "no template");
    const lora = createLora(source.base.definition, { ...LOW_RANK, targets: ["q", "down"] });

    const out = await merge(source, lora, trainedValues(lora));

    expect((await readdir(out)).sort()).toEqual([
      "LICENSE",
      "additional_chat_templates",
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(await readdir(join(out, "additional_chat_templates"))).toEqual(["tool_use.jinja"]);
    const before = await readSafetensors(join(folder, "model.safetensors"));
    const after = await readSafetensors(join(out, "model.safetensors"));
    const changed = [...before.tensors].filter(([name, { data }]) =>
      data.some((x, i) => x !== after.tensors.get(name)?.data[i]),
    );
    expect(changed.map(([name]) => name).sort()).toEqual(
      lora.layout.adapted.map(({ linear }) => `${linear.module}.weight`).sort(),
    );
    expect(after.metadata).toEqual({ format: "pt" });
  });

  test("keeps the shards of the base, and tensors that the model does not use", async () => {
    const source = await baseFolder();
    const lora = createLora(source.base.definition, LOW_RANK);
    const values = trainedValues(lora);
    const whole = await loadBaseModel(await merge(source, lora, values));
    const sharded = { ...source, folder: temporaryFolder() };
    await writeShards(source.folder, sharded.folder);

    const out = await merge(sharded, lora, values);

    expect((await loadBaseModel(out)).digest).toBe(whole.digest);
    const part = join(out, "part-1.safetensors");
    const second = await withSafetensors(part, async ({ header }) => header.tensors);
    expect(second.get("positions")?.dtype).toBe("I64");
    const index = JSON.parse(await readFile(join(out, "model.safetensors.index.json"), "utf8"));
    expect(index.weight_map["model.norm.weight"]).toMatch(/^part-[01]\.safetensors$/);
    // Every weight has four bytes, and the positions sixteen.
    expect(index.metadata.total_size).toBe(4 * source.base.parameters + 16);
  });

  test.each([
    ["BF16", "bfloat16"],
    ["F16", "float16"],
  ] as const)("is written in %s on request, and config.json says so", async (dtype, name) => {
    const source = await baseFolder();
    const lora = createLora(source.base.definition, LOW_RANK);
    const values = trainedValues(lora);
    const exact = await loadBaseModel(await merge(source, lora, values));

    const out = await merge(source, lora, values, dtype);

    const config = JSON.parse(await readFile(join(out, "config.json"), "utf8"));
    expect(config.torch_dtype).toBe(name);
    const rounded = await loadBaseModel(out);
    const matrix = "model.layers.0.mlp.down_proj.weight";
    const [a, b] = [exact.tensor(matrix).data, rounded.tensor(matrix).data];
    expect(worst(a, b)).toBeGreaterThan(0);
    expect(worst(a, b)).toBeLessThan(dtype === "F16" ? 2 ** -10 : 2 ** -7);
  });
});

describe("a merge that cannot be", () => {
  test("does not overwrite the base, nor lie beside other weights", async () => {
    const source = await baseFolder();
    const lora = createLora(source.base.definition, LOW_RANK);
    const values = trainedValues(lora);
    const { definition } = source.base;
    const request = { base: source.folder, definition, adapter: lora, values, dtype: null };
    const other = temporaryFolder();
    await writeSafetensors(join(other, "model-00001-of-00002.safetensors"), new Map());

    for (const out of [source.folder, other]) {
      await expect(writeMergedModel({ ...request, out })).rejects.toMatchObject({ code: "usage" });
    }
  });

  test("says that the base lacks a weight before anything is written", async () => {
    const { folder, base } = await baseFolder();
    const lora = createLora(base.definition, LOW_RANK);
    const folded = () => new Map([["absent.weight", () => new Float32Array()]]);
    const out = temporaryFolder();
    const { definition } = base;
    const adapter = { ...lora, folded };
    const values = trainedValues(lora);

    await expect(
      writeMergedModel({ base: folder, definition, adapter, values, out, dtype: null }),
    ).rejects.toMatchObject({ code: "incompatible" });
    expect(await readdir(out)).toEqual([]);
  });

  test("says when a value is beyond half precision", async () => {
    const source = await baseFolder();
    const lora = createLora(source.base.definition, LOW_RANK);
    const values = trainedValues(lora).map((x) => 1000 * x);

    await expect(merge(source, lora, values, "F16")).rejects.toMatchObject({
      code: "data",
      hint: expect.stringContaining("bf16"),
    });
  });

  test("says when no plain model computes the same", async () => {
    const source = await baseFolder();
    const { folded: _, ...unmergeable } = createLora(source.base.definition, LOW_RANK);

    await expect(merge(source, unmergeable, trainedValues(unmergeable))).rejects.toMatchObject({
      code: "incompatible",
    });
  });
});

test("a matrix that is stored with its inputs first is folded the other way round", () => {
  const size = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(size, size, size, (inputs, outputs, rank) => {
      const noise = numbers(inputs * outputs + rank * (inputs + outputs), 5);
      const weight = Float32Array.from(noise.subarray(0, inputs * outputs));
      const values = Float32Array.from(noise.subarray(inputs * outputs));
      const a = { name: "a", shape: [rank, inputs], offset: 0 };
      const b = { name: "b", shape: [outputs, rank], offset: rank * inputs };
      const linear = { module: "m", layer: 0, inputs, outputs, bias: false };
      const fold = (data: Float32Array, inputsFirst: boolean) =>
        foldLowRank(
          { shape: [], data },
          { linear: { ...linear, inputsFirst }, a, b, scale: 2 },
          values,
        );
      const flip = (data: Float32Array) =>
        data.map((_, i) => data[(i % outputs) * inputs + Math.floor(i / outputs)] ?? 0);

      expect(fold(flip(weight), true)).toEqual(flip(fold(weight, false)));
    }),
  );
});

/** The weights of a folder in two shards, with a tensor of whole numbers in the second. */
async function writeShards(from: string, to: string): Promise<void> {
  await writeFile(join(to, "config.json"), await readFile(join(from, "config.json")));
  const { tensors } = await readSafetensors(join(from, "model.safetensors"));
  const named = [...tensors];
  const weight_map: Record<string, string> = {};
  for (const part of [0, 1]) {
    const mine = named.filter((_, i) => i % 2 === part);
    for (const [name] of mine) weight_map[name] = `part-${part}.safetensors`;
    const plans = mine.map(([name, { shape }]) => ({ name, dtype: "F32", shape }));
    const more = part === 1 ? [{ name: "positions", dtype: "I64", shape: [2] }] : [];
    const content = async ({ name }: { name: string }) => {
      const data = tensors.get(name)?.data;
      return data ? new Uint8Array(data.buffer) : new Uint8Array(16);
    };
    await streamSafetensors(join(to, `part-${part}.safetensors`), [...plans, ...more], content);
  }
  await writeFile(join(to, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
}
