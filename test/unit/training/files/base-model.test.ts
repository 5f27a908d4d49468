import { existsSync } from "node:fs";
import { readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { loadBaseModel } from "../../../../src/training/base/base-model.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { writeSafetensors } from "../../../../src/training/files/safetensors-writer.ts";
import { weightNotices } from "../../../../src/training/learner/task.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";
import { inFolder, TINY_CONFIG, tinyWeights, writeTinyModel } from "./tiny-model.ts";

const config = parseModelConfig(JSON.stringify(TINY_CONFIG), "tiny");
const EMBEDDING = "model.embed_tokens.weight";

/** The error of loading a tiny model after `damage` was done to its folder or content. */
async function errorOf(damage: (folder: string) => Promise<void>): Promise<KlatchError> {
  const error = await inFolder(async (folder) => {
    await damage(folder);
    return await loadBaseModel(folder).then(
      () => null,
      (reason: unknown) => reason,
    );
  });
  if (!(error instanceof KlatchError)) throw new Error(`expected a KlatchError, got ${error}`);
  return error;
}

function withTensor(name: string, tensor: FloatTensor | null): Map<string, FloatTensor> {
  const weights = tinyWeights(config);
  if (tensor) weights.set(name, tensor);
  else weights.delete(name);
  return weights;
}

describe("a base model", () => {
  it("is read from its folder, with a tied head that is the embedding", async () => {
    await inFolder(async (folder) => {
      await writeTinyModel(folder);
      const model = await loadBaseModel(folder);
      expect(model.definition).toMatchObject({ keyValueHeads: 1, headDim: 4, eosIds: [2] });
      expect(model.tensor("lm_head.weight")).toEqual(model.tensor(EMBEDDING));
      expect(model.tensor("model.layers.1.self_attn.k_proj.weight").shape).toEqual([4, 8]);
      // embedding 16*8 + norm 8 + 2 layers of (2*8 norms + q,o 8*8 each + k,v 4*8 each + 3 * 12*8)
      expect(model.parameters).toBe(128 + 8 + 2 * (16 + 128 + 64 + 288));
      expect(() => model.tensor("model.layers.2.mlp.up_proj.weight")).toThrow(/no tensor/);
    });
  });

  it("is no file: the error names the one that was given", async () => {
    await inFolder(async (folder) => {
      const file = join(folder, "model.safetensors");
      await writeFile(file, "");
      await expect(loadBaseModel(file)).rejects.toMatchObject({
        code: "data",
        message: `${file} is a file, not a folder`,
      });
    });
  });

  it("reads a weight when it is asked for, and only from the files that it was loaded from", async () => {
    await inFolder(async (folder) => {
      await writeTinyModel(folder);
      const model = await loadBaseModel(folder);
      expect(model.tensor(EMBEDDING)).toEqual(tinyWeights(config).get(EMBEDDING));
      const file = join(folder, "model.safetensors");
      await utimes(file, 1, 1);
      expect(() => model.tensor(EMBEDDING)).toThrow(/was changed while Klatch read it/);
      await rm(file);
      expect(() => model.tensor(EMBEDDING)).toThrow(/model\.safetensors is missing/);
    });
  });

  it("has one digest for its BF16 and F32 copies, and another for another weight or setting", async () => {
    const digest = async (changes: Parameters<typeof writeTinyModel>[1]) =>
      await inFolder(async (folder) => {
        await writeTinyModel(folder, changes);
        return (await loadBaseModel(folder)).digest;
      });
    const original = await digest({ dtype: "F32" });
    expect(original).toMatch(/^[0-9a-f]{64}$/);
    expect(await digest({ dtype: "BF16" })).toBe(original);
    expect(await digest({ config: { transformers_version: "9" } })).toBe(original);
    expect(await digest({ config: { rope_theta: 500_000 } })).not.toBe(original);
    const other = { shape: [8], data: new Float32Array(8) };
    expect(await digest({ weights: withTensor("model.norm.weight", other) })).not.toBe(original);
  });

  it("may store the tied matrix as the head", async () => {
    await inFolder(async (folder) => {
      await writeTinyModel(folder);
      const { digest } = await loadBaseModel(folder);
      const weights = tinyWeights(config);
      const embedding = weights.get(EMBEDDING);
      if (embedding) weights.set("lm_head.weight", embedding);
      weights.delete(EMBEDDING);
      await writeTinyModel(folder, { weights });
      expect((await loadBaseModel(folder)).digest).toBe(digest);
    });
  });

  it("has the head that its files hold where that is no copy of the embedding, as if it were not tied", async () => {
    await inFolder(async (folder) => {
      const head = { shape: [16, 8], data: Float32Array.from({ length: 128 }, (_, i) => i / 64) };
      const weights = withTensor("lm_head.weight", head);
      await writeTinyModel(folder, { weights });
      const own = await loadBaseModel(folder);
      expect(own.tensor("lm_head.weight")).toEqual(head);
      const embedding = own.tensor(EMBEDDING);
      expect(embedding).toEqual(tinyWeights(config).get(EMBEDDING));
      await writeTinyModel(folder, { weights, config: { tie_word_embeddings: false } });
      const untied = await loadBaseModel(folder);
      expect([own.digest, own.parameters]).toEqual([untied.digest, untied.parameters]);
      expect([own.untied, untied.untied]).toEqual([true, undefined]);
      // A copy of the embedding is no head of its own (control).
      const copied = withTensor("lm_head.weight", embedding);
      await writeTinyModel(folder, { weights: copied });
      const tied = await loadBaseModel(folder);
      await writeTinyModel(folder);
      expect(tied.digest).toBe((await loadBaseModel(folder)).digest);
      expect(weightNotices(tied)).toEqual([]);
      expect(weightNotices(own)).toEqual([
        {
          kind: "change",
          message:
            "the model has a head of its own, which config.json ties to the embedding: it is used",
          facts: { tensor: "lm_head.weight" },
        },
      ]);
    });
  });

  it("names the stored tensors that have no place in it, but those that were never weights", async () => {
    await inFolder(async (folder) => {
      const other = { shape: [2, 8], data: new Float32Array(16) };
      const weights = withTensor("score.weight", other);
      weights.set("model.layers.0.self_attn.q_proj.bias", other);
      weights.set("model.layers.0.self_attn.rotary_emb.inv_freq", other);
      await writeTinyModel(folder, { weights });
      const model = await loadBaseModel(folder);
      expect(model.unused).toEqual(["model.layers.0.self_attn.q_proj.bias", "score.weight"]);
      expect(weightNotices(model)).toEqual([
        {
          kind: "change",
          message: "some stored tensors have no place in the model and are not used",
          facts: { tensors: "model.layers.0.self_attn.q_proj.bias, score.weight" },
        },
      ]);
      const many = Array.from({ length: 12 }, (_, i) => `extra.${i}`);
      expect(weightNotices({ ...model, unused: many })[0]?.facts).toMatchObject({
        tensors: expect.stringMatching(/ and 2 more$/),
      });
      await writeTinyModel(folder);
      expect((await loadBaseModel(folder)).unused).toEqual([]);
    });
  });

  it("is put together from the shards of an index", async () => {
    await inFolder(async (folder) => {
      await writeTinyModel(folder);
      const whole = await loadBaseModel(folder);
      await writeTinyModel(folder, { weights: null });
      await inFolder(async (sharded) => {
        await writeTinyModel(sharded, { weights: null });
        const halves = [new Map<string, FloatTensor>(), new Map<string, FloatTensor>()];
        const weight_map: Record<string, string> = {};
        for (const [i, [name, tensor]] of [...tinyWeights(config)].entries()) {
          halves[i % 2]?.set(name, tensor);
          weight_map[name] = `part-${i % 2}.safetensors`;
        }
        for (const [i, half] of halves.entries()) {
          await writeSafetensors(join(sharded, `part-${i}.safetensors`), half);
        }
        const index = join(sharded, "model.safetensors.index.json");
        await writeFile(index, JSON.stringify({ metadata: {}, weight_map }));
        expect((await loadBaseModel(sharded)).digest).toBe(whole.digest);
        await writeFile(index, JSON.stringify({ weight_map: { a: "../x.safetensors" } }));
        await expect(loadBaseModel(sharded)).rejects.toThrow(/weight_map/);
      });
    });
  });
});

const refusals: readonly [string, Record<string, unknown>, RegExp][] = [
  [
    "another architecture",
    { architectures: ["BloomForCausalLM"] },
    /BloomForCausalLM is not supported; Klatch trains llama, mistral/,
  ],
  ["an unknown rotation", { rope_scaling: { type: "spiral", factor: 2 } }, /spiral/],
  ["a rotation without its numbers", { rope_parameters: { rope_type: "llama3" } }, /low_freq/],
  ["another activation", { hidden_act: "gelu" }, /gelu/],
  ["heads that do not divide the width", { num_attention_heads: 3 }, /not a multiple of 3/],
  [
    "key-value heads that do not divide the heads",
    { num_attention_heads: 4, num_key_value_heads: 3 },
    /not a multiple of 3 key-value/,
  ],
  ...["gptq", "awq", "bitsandbytes"].map((quant_method): (typeof refusals)[number] => [
    `weights stored by ${quant_method}`,
    { quantization_config: { quant_method, bits: 4 } },
    new RegExp(`quantised \\(${quant_method}, 4 bit\\)`),
  ]),
  [
    "weights stored as fp8",
    { quantization_config: { quant_method: "fp8", activation_scheme: "dynamic" } },
    /quantised \(fp8\)/,
  ],
  ["an end token outside the vocabulary", { eos_token_id: 16 }, /token id 16/],
];

describe("a model folder that cannot be used", () => {
  it("names the missing file", async () => {
    expect((await errorOf(async () => undefined)).message).toMatch(/config\.json is missing/);
    const error = await errorOf((folder) => writeTinyModel(folder, { weights: null }));
    expect(error.message).toMatch(/neither model\.safetensors nor/);
    const others = await errorOf(async (folder) => {
      await writeTinyModel(folder, { weights: null });
      await writeFile(join(folder, "pytorch_model.bin"), "pickle");
      await writeFile(join(folder, "model.q4.gguf"), "GGUF");
    });
    expect(others.message).toContain("only model.q4.gguf, pytorch_model.bin");
    expect(others.hint).toContain("F32, BF16 or F16");
    expect(error.code).toBe("data");
  });

  it("says that a file is truncated", async () => {
    const error = await errorOf(async (folder) => {
      await writeTinyModel(folder);
      const file = join(folder, "model.safetensors");
      await truncate(file, (await readFile(file)).length - 4);
    });
    expect(error.code).toBe("data");
    expect(error.hint).toMatch(/truncated/);
  });

  it("names the tensor, its shape and the expected one", async () => {
    const weights = withTensor("model.norm.weight", { shape: [2, 4], data: new Float32Array(8) });
    const error = await errorOf((folder) => writeTinyModel(folder, { weights }));
    expect(error.code).toBe("incompatible");
    expect(error.message).toMatch(
      /model\.norm\.weight has the shape \[2,4\], config\.json asks for \[8\]/,
    );
  });

  it("names a layer that config.json has not", async () => {
    const name = "model.layers.2.self_attn.q_proj.weight";
    const weights = withTensor(name, { shape: [8, 8], data: new Float32Array(64) });
    const error = await errorOf((folder) => writeTinyModel(folder, { weights }));
    expect(error.code).toBe("incompatible");
    expect(error.message).toContain(`config.json has 2 layers, the weights have more: ${name}`);
  });

  it("names the missing tensor, and the one that holds NaN", async () => {
    const missing = withTensor("model.norm.weight", null);
    expect(
      (await errorOf((folder) => writeTinyModel(folder, { weights: missing }))).message,
    ).toMatch(/model\.norm\.weight is missing/);
    const data = new Float32Array(8).fill(1, 0, 7).fill(Number.NaN, 7);
    const sick = withTensor("model.norm.weight", { shape: [8], data });
    expect((await errorOf((folder) => writeTinyModel(folder, { weights: sick }))).message).toMatch(
      /model\.norm\.weight holds NaN/,
    );
  });

  it.each(refusals)("is refused for %s", async (_, changes, message) => {
    const error = await errorOf((folder) => writeTinyModel(folder, { config: changes }));
    expect(error.code).toBe("incompatible");
    expect(error.message).toMatch(message);
    expect(error.hint).not.toBe("");
  });

  it("is refused for a value out of bounds, naming the key", async () => {
    const error = await errorOf((folder) =>
      writeTinyModel(folder, { config: { hidden_size: 1e9 } }),
    );
    expect(error.code).toBe("data");
    expect(error.message).toMatch(/hidden_size/);
  });
});

const real = join("..", "shared", "data", "tinystories-656k");
describe("the real 656K model", () => {
  it.skipIf(!existsSync(real))(
    "is the same model as BF16 with an embedding and as F32 with a head (needs ../shared/data)",
    async () => {
      const bf16 = await loadBaseModel(join(real, "hf-original-bf16"));
      const f32 = await loadBaseModel(join(real, "f32-safetensors"));
      expect(bf16.parameters).toBe(656_000);
      expect(f32.digest).toBe(bf16.digest);
    },
  );
});
