import { describe, expect, test } from "vitest";
import { createLora } from "../../../../src/training/adapters/methods/lora.ts";
import type { BaseModel } from "../../../../src/training/base/base-model.ts";
import type { BatchShape } from "../../../../src/training/batches/batch.ts";
import type { Graph, Shape, Value } from "../../../../src/training/graph/value.ts";
import type { Adaptation } from "../../../../src/training/models/adaptation.ts";
import { llamaModel } from "../../../../src/training/models/architectures/llama.ts";
import type { ModelDefinition } from "../../../../src/training/models/definition.ts";
import { makeBlocks, type WeightSource } from "../../../../src/training/models/make-blocks.ts";
import { adapterInputs } from "../../../../src/training/programs/adapted-model.ts";
import { batchLoss } from "../../../../src/training/programs/loss-program.ts";
import { gradientError } from "../graph/finite-differences.ts";
import { TINY, tinyModel } from "./tiny-llama.ts";

// Two rows of three positions, of which four carry loss: one of them counts nothing, as padding does.
const SHAPE: BatchShape = { batch: 2, length: 3, lossRows: 4 };
const FEEDS = {
  ids: BigInt64Array.of(1n, 4n, 4n, 1n, 9n, 0n),
  positions: BigInt64Array.of(1n, 2n, 4n, 0n),
  targets: BigInt64Array.of(4n, 2n, 10n, 0n),
  weights: Float64Array.of(1 / 3, 1 / 3, 1 / 3, 0),
};

function loss(
  graph: Graph,
  definition: ModelDefinition,
  source: WeightSource,
  adaptation?: Adaptation,
): Value {
  const blocks = (sequences: Parameters<typeof makeBlocks>[3]) =>
    makeBlocks(graph, definition, source, sequences, adaptation);
  return batchLoss(definition, { graph, blocks }, SHAPE).loss;
}

function constants(model: BaseModel): (graph: Graph, name: string) => Value {
  const known = new Map<string, Value>();
  return (graph, name) => {
    const { data, shape } = model.tensor(name);
    const made = known.get(name) ?? graph.constant(Float64Array.from(data), shape, "f64", name);
    known.set(name, made);
    return made;
  };
}

describe("a whole tiny Llama's gradients agree with central differences in float64", () => {
  test("for LoRA factors on every linear layer", async () => {
    const model = tinyModel();
    const lora = createLora(model.definition, { rank: 2, alpha: 3, targets: ["all"] });
    const shapes = Object.fromEntries(lora.layout.tensors.map(({ name, shape }) => [name, shape]));
    const build = (graph: Graph) => {
      const adaptation = lora.adapt(graph, adapterInputs(graph, lora, "f64"));
      return loss(graph, model.definition, { weight: constants(model) }, adaptation);
    };
    const domain = (x: number) => 0.5 * x;
    expect(
      await gradientError({ shapes, build, feeds: FEEDS, domain, every: 3 }, (x) => x),
    ).toBeLessThan(1e-6);
  });

  for (const tiedEmbeddings of [true, false]) {
    test(`for all parameters, ${tiedEmbeddings ? "tied" : "untied"} head`, async () => {
      const definition = llamaModel({ ...TINY, tiedEmbeddings });
      const shapes: Record<string, Shape> = Object.fromEntries(definition.weights);
      const build = (graph: Graph) =>
        loss(graph, definition, {
          weight: (_, name) => graph.input(name, shapes[name] ?? [], "f64"),
        });
      expect(await gradientError({ shapes, build, feeds: FEEDS, every: 5 }, (x) => x)).toBeLessThan(
        1e-6,
      );
    });
  }
});
