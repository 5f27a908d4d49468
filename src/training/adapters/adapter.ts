import type { AdapterLayout, TensorSlot } from "../../types.ts";
import type { Graph, Value } from "../graph/value.ts";
import type { FactorSchedule } from "../learner.ts";
import type { LinearLayer } from "../models/definition.ts";
import type { AdapterSettings } from "./options.ts";

/** A frozen linear layer in a graph. */
export interface FrozenLinear {
  /** x [rows, inputs] times the matrix, without the bias: [rows, outputs]. */
  product(x: Value): Value;
  /** y [rows, outputs] with the bias, where the layer has one. */
  withBias(y: Value): Value;
}

/** What an adapter changes while a model's graph is built. */
export interface Adaptation {
  /** Linear layer `layer` of x [rows, inputs] as adapted, [rows, outputs]; undefined leaves it as it is. */
  linear?(layer: LinearLayer, x: Value, frozen: FrozenLinear): Value | undefined;
}

/** An adapter method on one base model: where its numbers lie, how they start, and what they do. */
export interface Adapter {
  /** The settings that a reader of its PEFT folder finds. */
  readonly settings: AdapterSettings;
  /** Slots carry the names of PEFT's files. */
  readonly layout: AdapterLayout;
  /** The values that every peer starts from; they leave the base model as it is. */
  initial(seed: number): Float32Array;
  /** The slots that train in `round`. */
  trained(schedule: FactorSchedule, round: number): readonly TensorSlot[];
  /** What it does in `graph`, where `tensors` holds each slot's value by name. */
  adapt(graph: Graph, tensors: ReadonlyMap<string, Value>): Adaptation;
  /** The content of PEFT's adapter_config.json, without the base model's name. */
  peftConfig(): Readonly<Record<string, unknown>>;
}
