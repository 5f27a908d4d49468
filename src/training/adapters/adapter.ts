import type { AdapterLayout, TensorSlot } from "../../types.ts";
import type { LabelKind } from "../data/examples/labels.ts";
import type { FloatTensor } from "../files/safetensors.ts";
import type { Graph, Value } from "../graph/value.ts";
import type { Adaptation } from "../models/adaptation.ts";
import type { AdapterSettings } from "./options.ts";

/** How an adapter's numbers stand in PEFT's files, where that is not one tensor for each slot. */
export interface StoredForm {
  readonly layout: AdapterLayout;
  /** From the adapter's values to those of the file. */
  write(values: Float32Array): Float32Array;
  /** @throws KlatchError `incompatible` when no adapter of this method has such a file */
  read(written: Float32Array): Float32Array;
}

/** A weight's values with an adapter folded in; the weight itself is not changed. */
export type Fold = (weight: FloatTensor) => Float32Array;

/** What trains whole behind the model. */
export interface ClassificationHead {
  readonly classes: readonly string[];
  /** How many of them a text or an image has. */
  readonly kind: LabelKind;
  /** Its weights by the names they have in transformers' class. */
  weights(values: Float32Array): ReadonlyMap<string, FloatTensor>;
}

/** Which factors train in a round: both; B in even rounds and A in odd ones (RoLoRA); B only (FFA-LoRA). */
export type FactorSchedule = "both" | "alternate" | "ffa";

/** An adapter method on one base model: where its numbers lie, how they start, and what they do. */
export interface Adapter {
  /** The settings that a reader of its PEFT folder finds. */
  readonly settings: AdapterSettings;
  /** Slots carry the names of PEFT's files. */
  readonly layout: AdapterLayout;
  readonly stored?: StoredForm;
  /** Positions that it takes before every sequence. */
  readonly virtualTokens?: number;
  /**
   * The values that every peer starts from; where the method can, they leave the base model as it is. They may be
   * made of the base's weights, which are read from its files then.
   */
  initial(seed: number): Float32Array;
  /** The slots that train in `round`. */
  trained(schedule: FactorSchedule, round: number): readonly TensorSlot[];
  /** What it does in `graph`, where `tensors` holds each slot's value by name. */
  adapt(graph: Graph, tensors: ReadonlyMap<string, Value>): Adaptation;
  /**
   * How the base model's weights change, by name, when the adapter is folded into them: each gives a weight's new
   * values. Absent where no plain model computes the same.
   */
  folded?(values: Float32Array): ReadonlyMap<string, Fold>;
  readonly head?: ClassificationHead;
  /** Modules of the model that it has its own of: PEFT's `modules_to_save`. */
  readonly saved?: readonly string[];
  /** The output head of a model that ties it to its embedding, where the adapter has one of its own. */
  ownHead?(values: Float32Array): { readonly name: string; readonly tensor: FloatTensor };
  /** The content of PEFT's adapter_config.json, without the base model's name. */
  peftConfig(): Readonly<Record<string, unknown>>;
}
