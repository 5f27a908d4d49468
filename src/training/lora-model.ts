import assert from "node:assert/strict";
import type { TensorSlot } from "../types.ts";
import type { Batch, BatchShape } from "./batches.ts";
import type { Arrays, Engine, Program } from "./engine/engine.ts";
import { ProgramCache } from "./engine/program-cache.ts";
import type { BaseModel } from "./files/base-model.ts";
import { Graph, type Value } from "./graph/value.ts";
import { type Factor, factorSlots, type LoraLayout, slotView } from "./lora.ts";
import { type FrozenWeights, freeze } from "./models/frozen-weights.ts";
import type { LlamaParameters } from "./models/llama.ts";
import {
  batchLoss,
  evaluationOutputs,
  gradientName,
  loraInputs,
  trainingOutputs,
} from "./models/loss-program.ts";

/** Losses of a batch's completion tokens. */
export interface RowResults {
  readonly losses: Float32Array;
  /** 1 where the target has the greatest logit. */
  readonly correct: Uint8Array;
}

/** A frozen base model with a LoRA adapter, on an engine: the programs that training and evaluation run. */
export class LoraModel {
  readonly base: BaseModel;
  readonly layout: LoraLayout;
  readonly #frozen: FrozenWeights;
  readonly #programs: ProgramCache;
  readonly #partGradient: Float32Array;

  constructor(
    base: BaseModel,
    layout: LoraLayout,
    engine: Engine,
    options: { readonly copyBytesMax?: number } = {},
  ) {
    this.base = base;
    this.layout = layout;
    this.#frozen = freeze(base, options.copyBytesMax);
    this.#partGradient = new Float32Array(layout.length);
    this.#programs = new ProgramCache(engine, this.#frozen.programsMax);
  }

  /** Loss of a batch in parts; writes the gradients of `factors` into `gradient`, which lies as the adapter does. */
  async lossAndGradient(
    adapter: Float32Array,
    parts: readonly Batch[],
    factors: readonly Factor[],
    gradient: Float32Array,
  ): Promise<number> {
    let total = 0;
    for (const [i, part] of parts.entries()) {
      const target = i === 0 ? gradient : this.#partGradient;
      total += await this.#partLoss(adapter, part, factors, target);
      if (i > 0) accumulate(gradient, target, factorSlots(this.layout, factors));
    }
    return total;
  }

  async #partLoss(
    adapter: Float32Array,
    batch: Batch,
    factors: readonly Factor[],
    gradient: Float32Array,
  ): Promise<number> {
    const slots = factorSlots(this.layout, factors);
    const key = `train ${factors.join("")} ${shapeKey(batch.shape)}`;
    const program = await this.program(key, (graph, parameters, inputs) => {
      const { loss } = batchLoss(graph, this.base.config, parameters, batch.shape);
      return trainingOutputs(loss, new Map(slots.map(({ name }) => [name, pick(inputs, name)])));
    });
    const into: Record<string, Float32Array> = {};
    for (const slot of slots) into[gradientName(slot.name)] = slotView(gradient, slot);
    const { loss } = await program.run(this.feeds(adapter, batchFeeds(batch)), into);
    return Number(loss?.[0]);
  }

  /** Loss and correctness of each completion token of a batch. */
  async rowResults(adapter: Float32Array, batch: Batch): Promise<RowResults> {
    const program = await this.program(`rows ${shapeKey(batch.shape)}`, (graph, parameters) =>
      evaluationOutputs(batchLoss(graph, this.base.config, parameters, batch.shape)),
    );
    const { rowLosses, correct } = await program.run(this.feeds(adapter, batchFeeds(batch)));
    assert.ok(rowLosses instanceof Float32Array && correct instanceof Uint8Array);
    return {
      losses: rowLosses.subarray(0, batch.tokens),
      correct: correct.subarray(0, batch.tokens),
    };
  }

  /** A program over this model's parameters, compiled once per key. */
  program(
    key: string,
    build: (
      graph: Graph,
      parameters: LlamaParameters,
      inputs: ReadonlyMap<string, Value>,
    ) => Readonly<Record<string, Value>>,
  ): Promise<Program> {
    return this.#programs.get(key, () => {
      const graph = new Graph();
      const { factors, adapt } = loraInputs(graph, this.layout);
      const weight = (name: string) => this.#frozen.weight(graph, name);
      return build(graph, { weight, ...(adapt && { adapt }) }, factors);
    });
  }

  /** What a program is fed: the adapter's factors, weights that are not constants, and `own`. */
  feeds(adapter: Float32Array, own: Arrays): Arrays {
    assert.equal(adapter.length, this.layout.length, "an adapter of this layout");
    const feeds: Record<string, Arrays[string]> = { ...this.#frozen.feeds, ...own };
    for (const slot of this.layout.tensors) feeds[slot.name] = slotView(adapter, slot);
    return feeds;
  }

  close(): Promise<void> {
    return this.#programs.close();
  }
}

/** sum += part, in `slots`. */
function accumulate(sum: Float32Array, part: Float32Array, slots: readonly TensorSlot[]): void {
  for (const slot of slots) {
    const target = slotView(sum, slot);
    for (const [i, value] of slotView(part, slot).entries()) target[i] = (target[i] ?? 0) + value;
  }
}

function batchFeeds(batch: Batch): Arrays {
  const { ids, positions, targets, weights } = batch;
  return { ids, positions, targets, weights };
}

function shapeKey({ batch, length, lossRows }: BatchShape): string {
  return `${batch}x${length}/${lossRows}`;
}

function pick(inputs: ReadonlyMap<string, Value>, name: string): Value {
  const value = inputs.get(name);
  assert.ok(value !== undefined, name);
  return value;
}
