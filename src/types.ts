/**
 * The words that every room shares. Imports nothing, does nothing.
 *
 * @packageDocumentation
 */

/** libp2p peer id in base58btc text form, e.g. `12D3KooW…`. */
export type PeerId = string;

/** SHA-256 as 64 lower-case hexadecimal characters. */
export type Digest = string;

/** Milliseconds since the Unix epoch. */
export type Timestamp = number;

/** One tensor of an adapter inside its flat array; `offset` counts elements. */
export interface TensorSlot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

/** How an adapter lies in one flat Float32Array; equal digests mean exchangeable adapters. */
export interface AdapterLayout {
  readonly tensors: readonly TensorSlot[];
  /** Number of elements of the flat array. */
  readonly length: number;
  readonly digest: Digest;
  /**
   * What the digest is of, for who has no base model: the last text's SHA-256 is the digest, and each text but the first
   * begins with that of the one before. The tensors stand in them, in order. Absent where nobody has need of it.
   */
  readonly texts?: readonly string[];
}

export const MIXING_RULES = ["mean", "cs-plus", "median", "trimmed-mean", "gts", "cs-he"] as const;
/** How a peer mixes its own state with those of others. */
export type MixingRule = (typeof MIXING_RULES)[number];

export const RUN_MODES = ["gossip", "agreed"] as const;
/** How the peers of a run go on: each with its own state, mixed with its neighbours', or all with one that is agreed. */
export type RunMode = (typeof RUN_MODES)[number];

/** Methods of the adapter that is trained and shared. */
export const ADAPTER_KINDS = [
  "lora",
  "rslora",
  "dora",
  "lora-xs",
  "ia3",
  "bitfit",
  "prefix",
  "prompt",
  "bottleneck",
] as const;
export type AdapterKind = (typeof ADAPTER_KINDS)[number];

/** Why something from outside was not used. Closed, so that it can be a metric label and a column of `status`. */
export const REASONS = [
  "malformed",
  "too-large",
  "bad-signature",
  "not-member",
  "other-run",
  "other-version",
  "other-update",
  "other-track",
  "expired",
  "past-round",
  "future-round",
  "in-short",
  "replay",
  "contradiction",
  "flood",
  "equivocation",
  "isolated",
  "digest-mismatch",
  "wrong-shape",
  "non-finite",
  "gate-veto",
  "late",
  "missing",
  "timeout",
  "unreachable",
] as const;
export type Reason = (typeof REASONS)[number];

/**
 * Outcome of judging something from outside. `ignore`: not provably the sender's fault;
 * `reject`: provably wrong, and the sender pays for it.
 */
export type Verdict<T> =
  | { readonly verdict: "accept"; readonly value: T }
  | { readonly verdict: "ignore" | "reject"; readonly reason: Reason };

export const EVIDENCE_KINDS = [
  "timely",
  "late",
  "missing",
  "malformed",
  "digest-mismatch",
  "equivocation",
  "contradiction",
  "flood",
  "non-finite",
  "gate-veto",
  "unlearnt",
] as const;
/** What a peer was seen to do in a round. Only `timely` is to its credit. */
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

/** One observation of a peer. */
export interface Evidence {
  readonly peer: PeerId;
  readonly round: number;
  readonly kind: EvidenceKind;
  readonly at: Timestamp;
  /** For a person: what exactly was seen. */
  readonly detail?: string;
}

export const STANDINGS = ["full", "reduced", "isolated", "evicted"] as const;
/** What follows from a score: full share, reduced share, no share, no connection. */
export type Standing = (typeof STANDINGS)[number];

export const PHASES = ["train", "commit", "fetch", "mix", "vote", "done"] as const;
/** What a node does in a round: `mix` in mode `gossip` alone, `vote` in mode `agreed` alone. */
export type Phase = (typeof PHASES)[number];

export const TASKS = ["causal", "classification"] as const;
/** What a model learns: to go on with a text, or to tell its class. */
export type Task = (typeof TASKS)[number];

/** Quality of an adapter on a set of examples; loss in nats per completion token. */
export interface Evaluation {
  readonly loss: number;
  readonly perplexity: number;
  /**
   * Share of examples whose whole completion is the argmax under teacher forcing, in [0, 1]; a classifier's accuracy.
   */
  readonly exactMatch: number;
  /** Mean over classes of the harmonic mean of precision and recall, in [0, 1]; of classifiers only. */
  readonly macroF1?: number;
  readonly tokens: number;
  readonly examples: number;
}

/** What can execute a model's graph, by library and device. */
export const ENGINE_NAMES = [
  "onnx:cpu",
  "onnx:webgpu",
  "onnx:cuda",
  "tfjs:gpu",
  "tfjs:node",
  "tfjs:wasm",
  "tfjs:cpu",
] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Which one to take; `auto` is the first that computes right. */
export const ENGINE_CHOICES = ["auto", ...ENGINE_NAMES] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

export const RECOMPUTE_CHOICES = ["auto", "on", "off"] as const;
/**
 * Whether a backward pass recomputes the blocks of a model: where training needs too much memory else, always, never.
 */
export type RecomputeChoice = (typeof RECOMPUTE_CHOICES)[number];

export const BASE_DTYPES = ["f32", "f16", "int8", "int4"] as const;
/** How a base model's frozen linear layers are kept: floats, or integers with a scale for every 32 of them. */
export type BaseDType = (typeof BASE_DTYPES)[number];
