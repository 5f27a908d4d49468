import assert from "node:assert/strict";
import type { TensorSlot } from "../../types.ts";
import type { Adapter } from "../adapters/adapter.ts";
import type { BaseModel } from "../base/base-model.ts";
import { type FreezeOptions, type FrozenWeights, freeze } from "../base/frozen-weights.ts";
import type { Batch, BatchShape } from "../batches/batch.ts";
import type { Engine } from "../engine/engine.ts";
import { isOutOfMemory } from "../engine/out-of-memory.ts";
import { ProgramCache } from "../engine/program-cache.ts";
import { type GraphMemory, graphMemory } from "../graph/memory.ts";
import { type Arrays, Graph, type Value } from "../graph/value.ts";
import { addScaled, slotView } from "../layout/slots.ts";
import { makeBlocks, type WeightSource } from "../models/make-blocks.ts";
import { evaluationOutputs, gradientName, trainingOutputs } from "./loss-program.ts";
import { NEXT_TOKEN, type Objective } from "./objective.ts";
import type { ProgramParts } from "./program-parts.ts";

/** Losses of a batch's completion tokens. */
export interface RowResults {
  readonly losses: Float32Array;
  /** 1 where the target has the greatest logit. */
  readonly correct: Uint8Array;
  /** Logits of each text, [texts, classes]; of classifiers only. */
  readonly logits?: Float32Array;
}

/** Which gradients a training program gives, and whether it recomputes the blocks' values for them. */
export interface TrainingKind {
  readonly slots: readonly TensorSlot[];
  readonly recompute: boolean;
}

interface RunOptions {
  /** See `Program.run`. */
  readonly into?: Arrays | undefined;
  /** The weights of a program that has its own copy of them. */
  readonly copied?: WeightSource | undefined;
  /** Where a program that has none is kept; among those that train unless said. */
  readonly programs?: ProgramCache;
}

/**
 * Share of the kept programs that evaluate. A set goes through many shapes, each of which is compiled faster than it
 * runs. What is kept serves a gate, which measures the same few rows again and again.
 */
const EVALUATION_SHARE = 1 / 8;

/** A frozen base model with an adapter, on an engine: the programs that training and evaluation run. */
export class AdaptedModel {
  readonly base: BaseModel;
  readonly adapter: Adapter;
  readonly #objective: Objective;
  readonly #frozen: FrozenWeights;
  readonly #programs: ProgramCache;
  readonly #evaluations: ProgramCache;
  /** The one program that weights are copied into which others are fed. */
  readonly #soleProgram: ProgramCache;
  /** All of the above. */
  readonly #kept: readonly ProgramCache[];
  readonly #partGradient: Float32Array;

  constructor(
    base: BaseModel,
    adapter: Adapter,
    engine: Engine,
    options: FreezeOptions & { readonly objective?: Objective } = {},
  ) {
    this.base = base;
    this.adapter = adapter;
    this.#objective = options.objective ?? NEXT_TOKEN;
    const { copyBytesMax, soleCopyBytesMax } = engine;
    this.#frozen = freeze(base, { copyBytesMax, soleCopyBytesMax, ...options });
    engine.keep?.(Object.values(this.#frozen.feeds));
    this.#partGradient = new Float32Array(adapter.layout.length);
    const { programsMax } = this.#frozen;
    const evaluations = Math.ceil(programsMax * EVALUATION_SHARE);
    this.#programs = new ProgramCache(engine, programsMax - evaluations);
    this.#evaluations = new ProgramCache(engine, evaluations);
    this.#soleProgram = new ProgramCache(engine, 1);
    this.#kept = [this.#soleProgram, this.#programs, this.#evaluations];
  }

  /** Memory that the base model's weights take as they are. */
  get weightBytes(): number {
    return this.#frozen.bytes;
  }

  /**
   * Loss of a batch in parts; writes the gradients of `slots` into `gradient`, which lies as the adapter does.
   * `recompute` saves memory and costs time: see `recomputedGradients`.
   */
  async lossAndGradient(
    values: Float32Array,
    parts: readonly Batch[],
    slots: readonly TensorSlot[],
    gradient: Float32Array,
    recompute = false,
  ): Promise<number> {
    let total = 0;
    for (const [i, part] of parts.entries()) {
      const target = i === 0 ? gradient : this.#partGradient;
      total += await this.#partLoss(values, part, { slots, recompute }, target);
      if (i > 0) addScaled(gradient, target, slots);
    }
    return total;
  }

  async #partLoss(
    values: Float32Array,
    batch: Batch,
    kind: TrainingKind,
    gradient: Float32Array,
  ): Promise<number> {
    const { slots, recompute } = kind;
    const way = recompute ? "recomputing" : "keeping";
    const key = `train ${slots.map(({ offset }) => offset).join(",")} ${this.#key(batch.shape)} ${way}`;
    const into: Record<string, Float32Array> = {};
    for (const slot of slots) into[gradientName(slot.name)] = slotView(gradient, slot);
    const feeds = this.feeds(values, this.#objective.feeds(batch));
    const build = (parts: ProgramParts) => this.#trainingGraph(parts, batch.shape, kind);
    const copied = this.#copiedFor(batch.shape);
    const { loss } = await this.run(key, build, feeds, { into, copied });
    return Number(loss?.[0]);
  }

  /** What of a batch's shape a program depends on. */
  #key({ batch, length, lossRows, everyPosition, packed, longest = length }: BatchShape): string {
    const { turningPoints = [] } = this.base.definition;
    const reach = (this.adapter.virtualTokens ?? 0) + longest;
    const passed = turningPoints.filter((most) => reach > most).length;
    const rows = `${batch}x${length}/${everyPosition === true ? "all" : lossRows}`;
    return `${rows}${packed === true ? " packed" : ""}${passed > 0 ? ` beyond ${passed}` : ""}`;
  }

  #trainingGraph(parts: ProgramParts, shape: BatchShape, { slots, recompute }: TrainingKind) {
    const { loss } = this.#objective.loss(this.base.definition, parts, shape);
    const wanted = slots.map(({ name }) => [name, pick(parts.tensors, name)] as const);
    return trainingOutputs(loss, new Map(wanted), recompute);
  }

  /** What a training program of one part takes, without compiling it. */
  trainingMemory(shape: BatchShape, kind: TrainingKind): GraphMemory {
    const parts = this.#newParts(this.#copiedFor(shape));
    return graphMemory(this.#trainingGraph(parts, shape, kind));
  }

  /**
   * The weights of a training program that has its own copy of them: the program of full rows. There are few shapes
   * of full rows, so it is compiled once. It is faster, and packs twice what the weights take. The shape decides, not
   * what ran before.
   */
  #copiedFor({ everyPosition }: BatchShape): WeightSource | undefined {
    const full = everyPosition === true && this.#objective === NEXT_TOKEN;
    return full ? this.#frozen.copied : undefined;
  }

  /** Loss and correctness of each completion token of a batch. */
  async rowResults(values: Float32Array, batch: Batch): Promise<RowResults> {
    const { rowLosses, correct, logits } = await this.run(
      `rows ${this.#key(batch.shape)}`,
      (parts) => evaluationOutputs(this.#objective.loss(this.base.definition, parts, batch.shape)),
      this.feeds(values, this.#objective.feeds(batch)),
      { programs: this.#evaluations },
    );
    assert.ok(rowLosses instanceof Float32Array && correct instanceof Uint8Array);
    return {
      losses: rowLosses.subarray(0, batch.tokens),
      correct: correct.subarray(0, batch.tokens),
      ...(logits instanceof Float32Array ? { logits } : {}),
    };
  }

  /**
   * Runs a program over this model's parameters, compiled once per key; see `Program.run`. When memory runs out, all
   * programs are freed, and if there were others the run is tried again without them.
   */
  async run(
    key: string,
    build: (parts: ProgramParts) => Readonly<Record<string, Value>>,
    feeds: Arrays,
    options: RunOptions = {},
  ): Promise<Arrays> {
    const { into, copied } = options;
    const programs =
      copied === undefined ? (options.programs ?? this.#programs) : this.#soleProgram;
    try {
      const program = await programs.get(key, () => build(this.#newParts(copied)));
      return await program.run(feeds, into);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      const others = this.#kept.some((kept) => kept.hasOthers(key));
      await this.freePrograms();
      if (!others) throw error;
    }
    return this.run(key, build, feeds, options);
  }

  #newParts(source: WeightSource = this.#frozen): ProgramParts {
    const graph = new Graph();
    const tensors = adapterInputs(graph, this.adapter);
    const adaptation = this.adapter.adapt(graph, tensors);
    const { definition } = this.base;
    return {
      graph,
      tensors,
      blocks: (sequences) => makeBlocks(graph, definition, source, sequences, adaptation),
    };
  }

  /** What a program is fed: the adapter's tensors, weights that are not constants, and `own`. */
  feeds(values: Float32Array, own: Arrays): Arrays {
    const { layout } = this.adapter;
    assert.equal(values.length, layout.length, "an adapter of this layout");
    const feeds: Record<string, Arrays[string]> = { ...this.#frozen.feeds, ...own };
    for (const slot of layout.tensors) feeds[slot.name] = slotView(values, slot);
    return feeds;
  }

  /** Frees the compiled programs; those used again are compiled again. */
  async freePrograms(): Promise<void> {
    for (const programs of this.#kept) await programs.close();
  }

  close(): Promise<void> {
    return this.freePrograms();
  }
}

/** The adapter's tensors as inputs of a graph, by slot name. */
export function adapterInputs(
  graph: Graph,
  { layout }: Adapter,
  dtype: "f32" | "f64" = "f32",
): ReadonlyMap<string, Value> {
  return new Map(
    layout.tensors.map(({ name, shape }) => [name, graph.input(name, shape, dtype)] as const),
  );
}

function pick(inputs: ReadonlyMap<string, Value>, name: string): Value {
  const value = inputs.get(name);
  assert.ok(value !== undefined, name);
  return value;
}
