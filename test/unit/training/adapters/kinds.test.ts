import { describe, expect, test } from "vitest";
import type { Adapter } from "../../../../src/training/adapters/adapter.ts";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import { createDora } from "../../../../src/training/adapters/methods/dora.ts";
import { fitPeft, readPeft } from "../../../../src/training/adapters/peft/peft-reader.ts";
import { readAdapterSettings } from "../../../../src/training/adapters/peft/peft-settings.ts";
import { writePeft } from "../../../../src/training/adapters/peft/peft-writer.ts";
import type { BaseModel } from "../../../../src/training/base/base-model.ts";
import { type Graph, sizeOf, type Value } from "../../../../src/training/graph/value.ts";
import type { Adaptation } from "../../../../src/training/models/adaptation.ts";
import { makeBlocks } from "../../../../src/training/models/make-blocks.ts";
import { AdaptedModel, adapterInputs } from "../../../../src/training/programs/adapted-model.ts";
import { choose, generate } from "../../../../src/training/programs/generation.ts";
import { batchLoss } from "../../../../src/training/programs/loss-program.ts";
import { ADAPTER_KINDS, type AdapterKind } from "../../../../src/types.ts";
import { inFolder } from "../files/tiny-model.ts";
import { engine, gradientError, numbers } from "../graph/finite-differences.ts";
import { sequenceLogits } from "../models/logits.ts";
import { TINY, tinyModel } from "../models/tiny-llama.ts";
import { foldedModel } from "./folded-model.ts";
import { BIASED, SETTINGS } from "./small-settings.ts";

/** What no numbers of theirs can undo: the sequence is longer. */
const CHANGES_FROM_THE_START: ReadonlySet<AdapterKind> = new Set(["prompt", "prefix"]);
/** Methods with parts that no plain model has. */
const UNFOLDABLE: ReadonlySet<AdapterKind> = new Set(["prompt", "prefix", "bottleneck"]);
const IDS = [1, 7, 3, 3, 10, 0];

// Two rows of three positions, of which four carry loss: one of them counts nothing, as padding does.
const SHAPE = { batch: 2, length: 3, lossRows: 4 };
const FEEDS = {
  ids: BigInt64Array.of(1n, 4n, 4n, 1n, 9n, 0n),
  positions: BigInt64Array.of(1n, 2n, 4n, 0n),
  targets: BigInt64Array.of(4n, 2n, 10n, 0n),
  weights: Float64Array.of(1 / 3, 1 / 3, 1 / 3, 0),
};
const domain = (x: number) => 1 + 0.5 * x;

/** The adapter's tensors as constants, where `gradientError` evaluates. */
function constants(graph: Graph, { layout }: Adapter): ReadonlyMap<string, Value> {
  return new Map(
    layout.tensors.map(({ name, shape }, i) => {
      const data = numbers(sizeOf(shape), i + 1).map(domain);
      return [name, graph.constant(data, shape, "f64")] as const;
    }),
  );
}

function adaptationOf(graph: Graph, base: BaseModel, adapter: Adapter): Adaptation {
  const inputs = adapterInputs(graph, adapter, "f64");
  const { settings } = adapter;
  if (settings.kind !== "dora") return adapter.adapt(graph, inputs);
  // Differences see the norms move unless they are made of other numbers.
  return createDora(base, settings).adaptWithNormsOf(inputs, constants(graph, adapter));
}

function lossOf(graph: Graph, base: BaseModel, adapter: Adapter): Value {
  const { definition } = base;
  const weight = (_: Graph, name: string) => {
    const { data, shape } = base.tensor(name);
    return graph.constant(Float64Array.from(data), shape, "f64", name);
  };
  const adaptation = adaptationOf(graph, base, adapter);
  const blocks = (sequences: Parameters<typeof makeBlocks>[3]) =>
    makeBlocks(graph, definition, { weight }, sequences, adaptation);
  return batchLoss(definition, { graph, blocks }, SHAPE).loss;
}

async function logitsOf(base: BaseModel, adapter: Adapter, values: Float32Array) {
  const model = new AdaptedModel(base, adapter, engine);
  const logits = await sequenceLogits(model, values, IDS);
  await model.close();
  return logits;
}

const distance = (a: Float32Array, b: Float32Array) =>
  Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))));

/** Values far enough from the initial ones to be seen. */
function trainedValues(adapter: Adapter): Float32Array {
  const moved = numbers(adapter.layout.length, 3);
  return adapter.initial(1).map((x, i) => x + 0.3 * (moved[i] ?? 0));
}

describe.for(ADAPTER_KINDS)("%s", (kind) => {
  const base = tinyModel(kind === "bitfit" ? BIASED : TINY);
  const adapter = createAdapter(base, SETTINGS[kind]);
  const plain = createAdapter(base, SETTINGS.lora);

  test("gives every slot the gradient that central differences in float64 find", async () => {
    const shapes = Object.fromEntries(
      adapter.layout.tensors.map((slot) => [slot.name, slot.shape]),
    );
    const build = (graph: Graph) => lossOf(graph, base, adapter);
    const error = await gradientError({ shapes, build, feeds: FEEDS, domain, every: 3 }, (x) => x);
    expect(error).toBeLessThan(1e-6);
  });

  test("starts with the base model as it is", async () => {
    const before = await logitsOf(base, plain, plain.initial(1));
    const after = await logitsOf(base, adapter, adapter.initial(1));
    if (CHANGES_FROM_THE_START.has(kind)) expect(distance(before, after)).toBeGreaterThan(1e-4);
    else expect(distance(before, after)).toBeLessThan(1e-5);
    // Control: other values do change it.
    const moved = await logitsOf(base, adapter, trainedValues(adapter));
    expect(distance(before, moved)).toBeGreaterThan(1e-2);
  });

  test("generates with a cache what the whole sequence gives", async () => {
    const endless = tinyModel({ ...(kind === "bitfit" ? BIASED : TINY), eosIds: [] });
    const model = new AdaptedModel(endless, adapter, engine);
    const values = trainedValues(adapter);
    const prompt = [1, 7, 3];
    const sampling = { maxTokens: 40, temperature: 0, seed: 1 };
    const found = await generate(model, values, prompt, sampling);
    // The context is 24: what is left of it after prompt and virtual tokens, and the token after its end.
    expect(found.length).toBe(TINY.contextMax - (adapter.virtualTokens ?? 0) - prompt.length + 1);
    const ids = [...prompt];
    for (let i = 0; i < 6; i += 1) {
      const logits = await sequenceLogits(model, values, ids);
      ids.push(choose(logits.subarray(-TINY.vocabSize), 0, () => 0));
    }
    await model.close();
    expect(found.slice(0, 6)).toEqual(ids.slice(prompt.length));
  });

  test("folds into a plain model that computes the same, where the method can", async () => {
    expect(adapter.folded === undefined).toBe(UNFOLDABLE.has(kind));
    if (adapter.folded === undefined) return;
    const values = trainedValues(adapter);
    const folded = foldedModel(base, adapter, values);
    const [expected, found] = [
      await logitsOf(base, adapter, values),
      await logitsOf(folded, createAdapter(folded, SETTINGS.lora), plain.initial(1)),
    ];
    expect(distance(expected, found)).toBeLessThan(1e-4);
  });

  test("starts from the same bits everywhere", () => {
    expect(adapter.initial(5)).toEqual(createAdapter(base, SETTINGS[kind]).initial(5));
  });

  test("comes back from its PEFT folder, and the folder says what it is", async () => {
    await inFolder(async (folder) => {
      const values = trainedValues(adapter);
      const layout = adapter.stored?.layout ?? adapter.layout;
      const written = adapter.stored?.write(values) ?? values;
      const config = adapter.peftConfig();
      const about = { baseModel: "org/base", baseDigest: base.digest, format: "text" } as const;
      await writePeft(folder, { layout, values: written, config, ...about });
      const read = fitPeft(await readPeft(folder), { layout, settings: adapter.settings });
      expect(read).toEqual(written);
      expect(distance(adapter.stored?.read(read) ?? read, values)).toBeLessThan(1e-5);
      const reader = createAdapter(base, await readAdapterSettings(folder));
      const known = reader.stored?.read(read) ?? read;
      const [expected, found] = [
        await logitsOf(base, adapter, values),
        await logitsOf(base, reader, known),
      ];
      expect(distance(expected, found)).toBeLessThan(1e-5);
    });
  });
});

test("dora leaves a row of zeros at zero, in the graph and folded", async () => {
  const whole = tinyModel(TINY);
  const pruned: BaseModel = {
    ...whole,
    tensor(name) {
      const { shape, data } = whole.tensor(name);
      const width = shape.at(-1) ?? 0;
      return { shape, data: name.includes("proj") ? data.slice().fill(0, 0, width) : data };
    },
  };
  const adapter = createAdapter(pruned, SETTINGS.dora);
  const plain = createAdapter(pruned, SETTINGS.lora);
  const start = adapter.initial(1);
  const before = await logitsOf(pruned, plain, plain.initial(1));
  expect(distance(before, await logitsOf(pruned, adapter, start))).toBeLessThan(1e-5);
  const folded = foldedModel(pruned, adapter, start);
  expect(distance(before, await logitsOf(folded, plain, plain.initial(1)))).toBeLessThan(1e-5);
});
