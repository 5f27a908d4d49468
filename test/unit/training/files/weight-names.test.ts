import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadBaseModel } from "../../../../src/training/base/base-model.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { writeSafetensors } from "../../../../src/training/files/safetensors-writer.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";
import { inFolder, tinyWeights } from "./tiny-model.ts";

const GPT2 = JSON.stringify({
  architectures: ["GPT2LMHeadModel"],
  ...{ vocab_size: 16, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 16 },
  ...{ bos_token_id: 1, eos_token_id: 1 },
});
const NEOX = JSON.stringify({
  architectures: ["GPTNeoXForCausalLM"],
  ...{ vocab_size: 16, hidden_size: 16, intermediate_size: 12, num_hidden_layers: 1 },
  ...{ num_attention_heads: 2, bos_token_id: 1, eos_token_id: 1 },
});

async function digest(config: string, rename: (name: string) => string): Promise<string> {
  const definition = parseModelConfig(config, "config.json");
  const tensors = new Map<string, FloatTensor>();
  for (const [name, tensor] of tinyWeights(definition)) tensors.set(rename(name), tensor);
  // Files of older releases hold masks and frequencies too.
  tensors.set("h.0.attn.bias", { shape: [1], data: Float32Array.of(1) });
  tensors.set("rotary_emb.inv_freq", { shape: [1], data: Float32Array.of(Number.NaN) });
  return await inFolder(async (folder) => {
    await writeFile(join(folder, "config.json"), config);
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    return (await loadBaseModel(folder)).digest;
  });
}

test("GPT-2 is the same model with the prefix of its class and without, buffers ignored", async () => {
  const whole = await digest(GPT2, (name) => name);
  expect(await digest(GPT2, (name) => name.replace("transformer.", ""))).toBe(whole);
});

test("GPT-NeoX is the same model under the older and the newer name of its head", async () => {
  const older = await digest(NEOX, (name) => name);
  expect(await digest(NEOX, (name) => name.replace("embed_out", "lm_head"))).toBe(older);
});

test("a weight under an unknown name is missing (control)", async () => {
  await expect(digest(NEOX, (name) => name.replace("embed_out", "head"))).rejects.toThrow(
    /embed_out\.weight is missing/,
  );
});
