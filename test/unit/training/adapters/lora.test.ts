import { describe, expect, test } from "vitest";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import {
  initialLora,
  loraLayout,
  trainedFactors,
} from "../../../../src/training/adapters/methods/lora.ts";
import { slotView } from "../../../../src/training/layout/slots.ts";
import { tinyModel } from "../models/tiny-llama.ts";

const OPTIONS = { rank: 2, alpha: 3, targets: ["v", "q"] };

describe("an adapter's layout", () => {
  const layout = loraLayout(tinyModel().definition, OPTIONS);

  test("goes by layer, then target in the model's order, A before B", () => {
    const short = layout.tensors.map(({ name }) =>
      name.replace("base_model.model.model.layers.", ""),
    );
    expect(short.slice(0, 5)).toEqual([
      "0.self_attn.q_proj.lora_A.weight",
      "0.self_attn.q_proj.lora_B.weight",
      "0.self_attn.v_proj.lora_A.weight",
      "0.self_attn.v_proj.lora_B.weight",
      "1.self_attn.q_proj.lora_A.weight",
    ]);
    // q is [8, 8], v [4, 8]: A [2, in], B [out, 2]; offsets 0, 16, 32, 48, and 56 in all for each layer.
    expect(layout.tensors.map(({ offset }) => offset)).toEqual([0, 16, 32, 48, 56, 72, 88, 104]);
    expect(layout.length).toBe(112);
    expect(layout.adapted.map(({ scale }) => scale)).toEqual([1.5, 1.5, 1.5, 1.5]);
  });

  test("has a digest of names and shapes alone", () => {
    const again = loraLayout(tinyModel().definition, { ...OPTIONS, alpha: 9, targets: ["q", "v"] });
    expect(again.digest).toBe(layout.digest);
    expect(loraLayout(tinyModel().definition, { ...OPTIONS, rank: 3 }).digest).not.toBe(
      layout.digest,
    );
  });

  test.for([{ rank: 0 }, { rank: 2.5 }, { alpha: 0 }, { targets: ["x"] }, { targets: [] }])(
    "refuses %o",
    (wrong) => {
      expect(() => createAdapter(tinyModel(), { kind: "lora", ...OPTIONS, ...wrong })).toThrow(
        expect.objectContaining({ code: "usage" }),
      );
    },
  );
});

describe("a new adapter", () => {
  const layout = loraLayout(tinyModel().definition, OPTIONS);
  const values = initialLora(layout, 4);

  test("has A uniform within 1 / sqrt(in) and B zero", () => {
    for (const { a, b } of layout.adapted) {
      const bound = 1 / Math.sqrt(8);
      expect(slotView(values, a).every((x) => Math.abs(x) <= bound && x !== 0)).toBe(true);
      expect(slotView(values, b).every((x) => x === 0)).toBe(true);
    }
  });

  test("is the same bits everywhere for its seed", () => {
    expect(initialLora(layout, 4)).toEqual(values);
    expect(initialLora(layout, 5)).not.toEqual(values);
    // Computed once and kept: another machine must find the same.
    expect([...values.subarray(0, 3)]).toEqual([
      0.29955601692199707, -0.11805438995361328, -0.1968105137348175,
    ]);
  });
});

describe("factor schedules", () => {
  test("say what trains in a round", () => {
    expect([0, 1].map((round) => trainedFactors("both", round))).toEqual([
      ["A", "B"],
      ["A", "B"],
    ]);
    expect([0, 1].map((round) => trainedFactors("ffa", round))).toEqual([["B"], ["B"]]);
    expect([0, 1, 2].map((round) => trainedFactors("alternate", round))).toEqual([
      ["B"],
      ["A"],
      ["B"],
    ]);
  });
});
