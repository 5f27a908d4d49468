import { describe, expect, test } from "vitest";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { engine } from "../graph/finite-differences.ts";
import {
  expectGradients,
  type GoldenGradients,
  goldenModelOf,
  goldenValues,
  readGoldens,
} from "../models/golden-numbers.ts";

/** What PyTorch computes for each text by itself; see test/fixtures/batches/make.py. */
interface Golden {
  readonly config: { readonly adapter: "lora" | "prefix"; readonly model: object };
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly texts: readonly (readonly number[])[];
  readonly loss: number;
  readonly gradients: GoldenGradients;
}

const SETTINGS = {
  lora: { kind: "lora", rank: 2, alpha: 4, targets: ["all"] },
  prefix: { kind: "prefix", virtualTokens: 5 },
} as const;

describe.each(readGoldens<Golden>("test/fixtures/batches"))("%s", (_, golden) => {
  const definition = parseModelConfig(JSON.stringify(golden.config.model), "config.json");
  const base = goldenModelOf(definition, Object.entries(golden.weights));
  const adapter = createAdapter(base, SETTINGS[golden.config.adapter]);
  const texts = golden.texts.map((ids) => ({
    ids: Int32Array.from(ids),
    promptLength: 1,
    truncated: false,
  }));

  // More threads take larger parts; the longest text needs three blocks of queries, each with its window.
  test.each([
    { threads: 1, count: 3, recompute: false },
    { threads: 4, count: 1, recompute: true },
  ])("padded, in $count parts, recompute $recompute: what the texts give alone", async (way) => {
    const { threads, count, recompute } = way;
    const model = new AdaptedModel(base, adapter, engine, { copyBytesMax: 0 });
    const parts = collateParts(texts, 200, { threads });
    expect(parts.length).toBe(count);
    const { layout } = adapter;
    const gradient = new Float32Array(layout.length);
    const values = goldenValues(layout);
    const loss = await model.lossAndGradient(values, parts, layout.tensors, gradient, recompute);
    await model.close();
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-5);
    expectGradients(layout, gradient, golden.gradients);
  });
});
