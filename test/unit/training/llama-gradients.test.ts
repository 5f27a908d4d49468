import { describe, expect, test } from "vitest";
import type { BatchShape } from "../../../src/training/batches.ts";
import type { BaseModel, LlamaConfig } from "../../../src/training/files/base-model.ts";
import { llamaTensorShapes } from "../../../src/training/files/llama-config.ts";
import type { Graph, Shape, Value } from "../../../src/training/graph/value.ts";
import { loraLayout } from "../../../src/training/lora.ts";
import { headName } from "../../../src/training/models/llama.ts";
import { batchLoss, loraInputs } from "../../../src/training/models/loss-program.ts";
import { gradientError } from "./finite-differences.ts";
import { TINY, tinyModel } from "./tiny-llama.ts";

// Two rows of three positions, of which four carry loss: one of them counts nothing, as padding does.
const SHAPE: BatchShape = { batch: 2, length: 3, lossRows: 4 };
const FEEDS = {
  ids: BigInt64Array.of(1n, 4n, 4n, 1n, 9n, 0n),
  positions: BigInt64Array.of(1n, 2n, 4n, 0n),
  targets: BigInt64Array.of(4n, 2n, 10n, 0n),
};

function lossWeights(graph: Graph): Value {
  return graph.constant(Float64Array.of(1 / 3, 1 / 3, 1 / 3, 0), [4, 1], "f64");
}

/** The graph under test has the loss weights as a constant, for they are float64 here. */
function loss(
  graph: Graph,
  config: LlamaConfig,
  parameters: Parameters<typeof batchLoss>[2],
): Value {
  return batchLoss(graph, config, parameters, SHAPE, lossWeights(graph)).loss;
}

function constants(graph: Graph, model: BaseModel): (name: string) => Value {
  const known = new Map<string, Value>();
  return (requested) => {
    const name = requested === "lm_head.weight" ? headName(model.config) : requested;
    const { data, shape } = model.tensor(name);
    const made = known.get(name) ?? graph.constant(Float64Array.from(data), shape, "f64", name);
    known.set(name, made);
    return made;
  };
}

describe("a whole tiny Llama's gradients agree with central differences in float64", () => {
  test("for LoRA factors on every linear layer", async () => {
    const model = tinyModel();
    const layout = loraLayout(model, { rank: 2, alpha: 3, targets: ["all"], seed: 0 });
    const shapes = Object.fromEntries(layout.tensors.map(({ name, shape }) => [name, shape]));
    const build = (graph: Graph) => {
      const { adapt } = loraInputs(graph, layout, "f64");
      const weight = constants(graph, model);
      return loss(graph, model.config, adapt ? { weight, adapt } : { weight });
    };
    const domain = (x: number) => 0.5 * x;
    expect(
      await gradientError({ shapes, build, feeds: FEEDS, domain, every: 3 }, (x) => x),
    ).toBeLessThan(1e-6);
  });

  for (const tiedEmbeddings of [true, false]) {
    test(`for all parameters, ${tiedEmbeddings ? "tied" : "untied"} head`, async () => {
      const config = { ...TINY, tiedEmbeddings };
      const shapes: Record<string, Shape> = Object.fromEntries(llamaTensorShapes(config));
      const build = (graph: Graph) =>
        loss(graph, config, {
          weight(requested) {
            const name = requested === "lm_head.weight" ? headName(config) : requested;
            return graph.input(name, shapes[name] ?? [], "f64");
          },
        });
      expect(await gradientError({ shapes, build, feeds: FEEDS, every: 5 }, (x) => x)).toBeLessThan(
        1e-6,
      );
    });
  }
});
