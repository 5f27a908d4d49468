import type { AdapterLayout, Digest, RunMode } from "../../../types.ts";
import type { ExampleFormat } from "../../data/examples/example.ts";
import type { LabelKind } from "../../data/examples/labels.ts";
import type { PromptLayout } from "../../data/examples/separator.ts";

/** An adapter as it lies in a node, and what a reader elsewhere has to know about it. */
export interface AdapterExport extends Partial<PromptLayout> {
  /** Slots carry the names of PEFT's files. */
  readonly layout: AdapterLayout;
  readonly values: Float32Array;
  /** The adapter's adapter_config.json but for the base model. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the base model is found: a hub name or a folder. */
  readonly baseModel: string;
  /** Commit of a hub model. */
  readonly baseRevision?: string;
  readonly baseDigest: Digest;
  /** What it was trained on, so that `generate` wraps its prompt in the same way. */
  readonly format: ExampleFormat;
  /** What its classification head tells apart; null without one. */
  readonly classes?: readonly string[] | null;
  /** How many of them a text or an image has; one when absent. */
  readonly labels?: LabelKind;
  readonly origin?: AdapterOrigin | undefined;
  /** Of the base model, by the name that hubs give it; null where nobody says. */
  readonly licence?: string | null;
  /** What its README.md tells besides. */
  readonly story?: AdapterStory;
}

/** The joint run that an adapter came from, and the round after which it was so, counted from 1. */
export interface AdapterOrigin {
  readonly runId: string;
  readonly round: number;
  readonly mode?: RunMode;
  /** Digest of the block that ended the round, in mode `agreed`. */
  readonly head?: Digest;
}

/** What people are told of an adapter besides what can be seen in its files. */
export interface AdapterStory {
  /** The joint run that it came from; absent of an adapter that was trained alone. */
  readonly run?: { readonly name: string; readonly rounds: number; readonly members: number };
  /** Names and values of what was measured. */
  readonly figures?: readonly (readonly [name: string, value: string])[];
}
