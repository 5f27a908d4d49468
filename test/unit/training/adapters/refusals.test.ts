import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import type { AdapterSettings } from "../../../../src/training/adapters/options.ts";
import { readAdapterSettings } from "../../../../src/training/adapters/peft/peft-settings.ts";
import { checkOptions } from "../../../../src/training/learner/options.ts";
import { paddedSequences } from "../../../../src/training/models/sequences/padded-sequences.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import type { ProgramParts } from "../../../../src/training/programs/program-parts.ts";
import { inFolder } from "../files/tiny-model.ts";
import { engine } from "../graph/finite-differences.ts";
import { tinyOptions } from "../learner/model-folder.ts";
import { TINY, tinyModel } from "../models/tiny-llama.ts";

const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

describe("an adapter that a model cannot have is refused", () => {
  const cases: readonly (readonly [AdapterSettings, RegExp])[] = [
    [{ kind: "bitfit" }, /has no biases/],
    [{ kind: "prompt", virtualTokens: 23 }, /no room in a context of 24/],
    [{ kind: "prefix", virtualTokens: 4000 }, /no room in a context of 24/],
    [{ kind: "lora-xs", rank: 7, alpha: 1, targets: ["down"] }, /rank 7 is more than/],
    [{ kind: "ia3", targets: ["x"] }, /no linear layer "x"/],
    [{ kind: "bottleneck", size: 0 }, /adapter's size/],
    [{ kind: "dora", rank: 1.5, alpha: 1, targets: ["q"] }, /adapter's rank/],
    [{ kind: "prompt", virtualTokens: 2, rank: 4 } as AdapterSettings, /rank/],
    [{ kind: "loha" } as unknown as AdapterSettings, /adapter's kind/],
  ];
  test.for(cases)("%o", ([settings, message]) => {
    expect(() => createAdapter(tinyModel(), settings)).toThrow(failure("usage", message));
  });

  test("by a schedule of factors that it does not have", () => {
    const options = { ...tinyOptions("."), factors: "alternate" } as const;
    const wrong = { ...options, adapter: { kind: "ia3", seed: 1 } } as const;
    expect(() => checkOptions(wrong, { contextMax: 32 })).toThrow(
      failure("usage", /has no factors/),
    );
    expect(checkOptions(options, { contextMax: 32 }).factors).toBe("alternate");
  });

  test("by sequences that take nothing before them", async () => {
    const base = tinyModel();
    const adapter = createAdapter(base, { kind: "prompt", virtualTokens: 2 });
    const model = new AdaptedModel(base, adapter, engine);
    const build = ({ graph, blocks }: ProgramParts) => ({
      hidden: blocks(paddedSequences(graph, 1, 4)).hidden(graph.input("ids", [4], "i64")),
    });
    const made = model.run("padded", build, {});
    await expect(made).rejects.toThrow(failure("incompatible", /take no virtual tokens/));
    await model.close();
  });
});

describe("a file is refused", () => {
  test("when its factors are of another base model's singular vectors", () => {
    const settings = { kind: "lora-xs", rank: 2, alpha: 1, targets: ["q"] } as const;
    const { layout, stored } = createAdapter(tinyModel(), settings);
    const values = Float32Array.from({ length: layout.length }, (_, i) => i + 1);
    const written = stored?.write(values) ?? values;
    expect(stored?.read(written).length).toBe(values.length);
    written[0] = 0.5 + (written[0] ?? 0);
    expect(() => stored?.read(written)).toThrow(failure("incompatible", /singular vectors/));
  });

  test("when biases come with factors that are not zero", () => {
    const base = tinyModel({ ...TINY, biases: ["q"] });
    const adapter = createAdapter(base, { kind: "bitfit" });
    const written = adapter.stored?.write(adapter.initial(1)) ?? new Float32Array();
    expect(adapter.stored?.read(written)).toEqual(adapter.initial(1));
    written.fill(0.5, 0, 1);
    expect(() => adapter.stored?.read(written)).toThrow(failure("incompatible", /both/));
  });

  const LORA = { peft_type: "LORA", r: 2, lora_alpha: 1, target_modules: ["q"] };
  const configs: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ peft_type: "ADALORA" }, /peft_type is ADALORA/],
    [{ peft_type: "toString" }, /peft_type is toString/],
    [{ peft_type: "IA3", target_modules: "k|v" }, /pattern "k\|v"/],
    [{ peft_type: "PROMPT_TUNING", num_virtual_tokens: 0 }, /num_virtual_tokens/],
    [{ peft_type: "PREFIX_TUNING", num_virtual_tokens: 2, num_transformer_submodules: 2 }, /subm/],
    [{ peft_type: "PREFIX_TUNING", num_virtual_tokens: 2, use_new: true }, /use_new is true/],
    [{ peft_type: "BOTTLENECK", bottleneck_size: 4, non_linearity: "relu" }, /non_linearity/],
    [{ ...LORA, bias: "all" }, /bias is all/],
    [
      { ...LORA, init_lora_weights: "pissa" },
      /init_lora_weights is "pissa", which is not supported/,
    ],
    [{ ...LORA, use_dora: true, use_rslora: true }, /both true/],
    [{ ...LORA, layer_replication: [[0, 2]] }, /layer_replication is \[\[0,2\]\]/],
    [{ ...LORA, rank_pattern: { q: 0 } }, /rank_pattern/],
  ];
  test.for(configs)("for its settings %o", async ([config, message]) => {
    await inFolder(async (folder) => {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "adapter_config.json"), JSON.stringify(config));
      await expect(readAdapterSettings(folder)).rejects.toThrow(message);
    });
  });
});
