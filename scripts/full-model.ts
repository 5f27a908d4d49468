import assert from "node:assert/strict";
import { collate } from "../src/training/batches/collate.ts";
import type { Example } from "../src/training/data/examples/example.ts";
import type { Engine } from "../src/training/engine/engine.ts";
import { ProgramCache } from "../src/training/engine/program-cache.ts";
import type { FloatTensor } from "../src/training/files/safetensors.ts";
import { Graph, sizeOf, type Value } from "../src/training/graph/value.ts";
import { slotView } from "../src/training/layout/slots.ts";
import {
  freshOptimizer,
  type OptimizerOptions,
  type OptimizerState,
  optimizerStep,
} from "../src/training/loop/optimizer.ts";
import type { ModelDefinition } from "../src/training/models/definition.ts";
import { makeBlocks } from "../src/training/models/make-blocks.ts";
import type { Sequences } from "../src/training/models/sequences/sequences.ts";
import { batchLoss, gradientName, trainingOutputs } from "../src/training/programs/loss-program.ts";
import type { TensorSlot } from "../src/types.ts";

const PROGRAMS_MAX = 8;

/** A model all of whose parameters train, for making a base model from nothing. */
export class FullModel {
  readonly definition: ModelDefinition;
  /** The parameters by their Hugging Face names, in one flat array. */
  readonly slots: readonly TensorSlot[];
  readonly values: Float32Array;
  readonly #gradient: Float32Array;
  readonly #programs: ProgramCache;
  #state: OptimizerState;

  /** Starts from `tensors`, one for each name of the definition (a tied head is the embedding). */
  constructor(
    definition: ModelDefinition,
    tensors: ReadonlyMap<string, FloatTensor>,
    engine: Engine,
  ) {
    this.definition = definition;
    const slots: TensorSlot[] = [];
    let length = 0;
    for (const [name, shape] of definition.weights) {
      slots.push({ name, shape, offset: length });
      length += sizeOf(shape);
    }
    this.slots = slots;
    this.values = new Float32Array(length);
    for (const slot of slots) {
      const tensor = tensors.get(slot.name);
      assert.ok(tensor !== undefined, `a start value for ${slot.name}`);
      slotView(this.values, slot).set(tensor.data);
    }
    this.#gradient = new Float32Array(length);
    this.#programs = new ProgramCache(engine, PROGRAMS_MAX);
    this.#state = freshOptimizer(length);
  }

  /** Loss of `examples` as one batch; leaves the gradient of every parameter in `gradient`. */
  async lossAndGradient(
    examples: readonly Example[],
  ): Promise<{ readonly loss: number; readonly gradient: Float32Array }> {
    const batch = collate(examples, examples.length, this.definition.contextMax);
    const { ids, positions, targets, weights, shape } = batch;
    const program = await this.#programs.get(JSON.stringify(shape), () => {
      const graph = new Graph();
      const inputs = new Map<string, Value>();
      for (const slot of this.slots) {
        inputs.set(slot.name, graph.input(slot.name, slot.shape, "f32"));
      }
      const weight = (_: Graph, name: string) => {
        const value = inputs.get(name);
        assert.ok(value !== undefined, name);
        return value;
      };
      const { definition } = this;
      const blocks = (sequences: Sequences) => makeBlocks(graph, definition, { weight }, sequences);
      return trainingOutputs(batchLoss(definition, { graph, blocks }, shape).loss, inputs);
    });
    const feeds: Record<string, Float32Array | BigInt64Array> = {
      ids,
      positions,
      targets,
      weights,
    };
    const into: Record<string, Float32Array> = {};
    for (const slot of this.slots) {
      feeds[slot.name] = slotView(this.values, slot);
      into[gradientName(slot.name)] = slotView(this.#gradient, slot);
    }
    const { loss } = await program.run(feeds, into);
    return { loss: Number(loss?.[0]), gradient: this.#gradient };
  }

  /** One step of AdamW on `examples`; gives the loss before it. */
  async step(examples: readonly Example[], options: OptimizerOptions): Promise<number> {
    const { loss, gradient } = await this.lossAndGradient(examples);
    this.#state = optimizerStep(this.values, gradient, this.#state, this.slots, options).state;
    return loss;
  }

  /** The parameters as tensors by name; views of `values`. */
  tensors(): ReadonlyMap<string, FloatTensor> {
    return new Map(
      this.slots.map((slot) => [
        slot.name,
        { shape: slot.shape, data: slotView(this.values, slot) },
      ]),
    );
  }

  close(): Promise<void> {
    return this.#programs.close();
  }
}
