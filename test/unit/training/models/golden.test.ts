import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createLora, type LoraLayout } from "../../../../src/training/adapters/methods/lora.ts";
import { loadBaseModel } from "../../../../src/training/base/base-model.ts";
import { collateParts } from "../../../../src/training/batches/collate.ts";
import { createOnnxEngine } from "../../../../src/training/engine/onnx-engine.ts";
import { slotView } from "../../../../src/training/layout/slots.ts";
import { LLAMA_TARGETS } from "../../../../src/training/models/architectures/llama.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { sequenceLogits } from "./logits.ts";

/** What PyTorch computed; `command` in each file says how. */
interface Golden {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: readonly string[];
  readonly loss: number;
  readonly logits_last_first8: readonly number[];
  readonly logits_norm: number;
  readonly gradients: Readonly<
    Record<
      string,
      { readonly norm: number; readonly sum: number; readonly first: readonly number[] }
    >
  >;
}

const FOLDER = "../shared/data/tinystories-656k";
const present = existsSync(FOLDER);
const golden = (name: string) =>
  JSON.parse(readFileSync(`test/fixtures/${name}.json`, "utf8")) as Golden;

/** The reference's stream of numbers: s <- (1664525 s + 1013904223) mod 2^32, (s / 2^32 - 0.5) * 0.02, from s = 1. */
function referenceAdapter(layout: LoraLayout): Float32Array {
  let state = 1;
  return Float32Array.from({ length: layout.length }, () => {
    // 1664525 * 2^32 is below 2^53, so the product is exact.
    state = (1664525 * state + 1013904223) % 2 ** 32;
    return (state / 2 ** 32 - 0.5) * 0.02;
  });
}

/** id_t = (37 t + 11) mod vocabulary for t = 0..31, each predicting the next. */
function referenceExample(vocabulary: number) {
  const ids = Int32Array.from({ length: 32 }, (_, t) => (37 * t + 11) % vocabulary);
  return { ids, promptLength: 1, truncated: false };
}

async function compute(copy: string, expected: Golden) {
  const base = await loadBaseModel(`${FOLDER}/${copy}`);
  const { rank, alpha, targets } = expected;
  const lora = createLora(base.definition, { rank, alpha, targets });
  const { layout } = lora;
  const model = new AdaptedModel(base, lora, createOnnxEngine({ threads: 1 }));
  const adapter = referenceAdapter(layout);
  const example = referenceExample(base.definition.vocabSize);
  const gradient = new Float32Array(layout.length);
  const parts = collateParts([example], 32);
  const loss = await model.lossAndGradient(adapter, parts, layout.tensors, gradient);
  const logits = await sequenceLogits(model, adapter, example.ids);
  await model.close();
  return { loss, logits, gradients: byReferenceName(layout, gradient) };
}

/** Gradients under the reference's names: layer.target.factor. */
function byReferenceName(
  layout: LoraLayout,
  gradient: Float32Array,
): Readonly<Record<string, Float32Array>> {
  return Object.fromEntries(
    layout.adapted.flatMap(({ linear: { layer, module }, a, b }) => {
      const [target] =
        Object.entries(LLAMA_TARGETS).find(([, path]) => module.endsWith(path)) ?? [];
      return [
        [`${layer}.${target}.A`, slotView(gradient, a)],
        [`${layer}.${target}.B`, slotView(gradient, b)],
      ];
    }),
  );
}

const norm = (values: Iterable<number>) => Math.hypot(...values);

describe("the real 656K model agrees with PyTorch", () => {
  for (const copy of ["f32-safetensors", "hf-original-bf16"]) {
    for (const name of ["golden-query-value", "golden-all"]) {
      test.skipIf(!present)(`${name} from ${copy} (needs ../shared/data)`, async () => {
        const expected = golden(name);
        const found = await compute(copy, expected);
        expect(Math.abs(found.loss / expected.loss - 1)).toBeLessThan(1e-5);
        expect(Math.abs(norm(found.logits) / expected.logits_norm - 1)).toBeLessThan(1e-5);
        const last = found.logits.subarray(31 * 2048, 31 * 2048 + 8);
        for (const [i, logit] of expected.logits_last_first8.entries()) {
          expect(Math.abs((last[i] ?? 0) - logit)).toBeLessThan(1e-4);
        }
        expect(Object.keys(found.gradients)).toEqual(Object.keys(expected.gradients));
        for (const [key, stats] of Object.entries(expected.gradients)) {
          const gradient = found.gradients[key] ?? new Float32Array();
          expect(Math.abs(norm(gradient) / stats.norm - 1)).toBeLessThan(1e-4);
          // A difference of norm e changes a sum of n elements by at most e sqrt(n).
          const slack = 1e-4 * stats.norm * Math.sqrt(gradient.length);
          const sum = gradient.reduce((a, b) => a + b, 0);
          expect(Math.abs(sum - stats.sum)).toBeLessThan(slack);
        }
      });
    }
  }

  test.skipIf(!present)("every element of the gradients (needs ../shared/data)", async () => {
    const expected = golden("golden-whole-gradients");
    const found = await compute("f32-safetensors", expected);
    for (const [key, { first: values, norm: size }] of Object.entries(expected.gradients)) {
      const gradient = found.gradients[key] ?? new Float32Array();
      expect(gradient.length).toBe(values.length);
      const difference = norm(gradient.map((g, i) => g - (values[i] ?? 0)));
      expect(difference / size).toBeLessThan(1e-4);
    }
  });

  test.skipIf(!present)(
    "only when B is scaled by alpha / rank (control, needs ../shared/data)",
    async () => {
      const expected = golden("golden-query-value");
      const found = await compute("f32-safetensors", { ...expected, alpha: 8 });
      expect(Math.abs(found.loss / expected.loss - 1)).toBeGreaterThan(1e-5);
    },
  );
});
