import type { LabelKind } from "../data/examples/labels.ts";
import type { PatchGrid } from "../data/images/patches.ts";
import type { Shape, Value } from "../graph/value.ts";
import type { Blocks } from "./blocks.ts";

/** A linear layer of the base model, which an adapter may attach to. */
export interface LinearLayer {
  /** Its path in Hugging Face's names, e.g. `model.layers.0.self_attn.q_proj`; `.weight` holds the matrix. */
  readonly module: string;
  readonly layer: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Whether `.bias` exists, [outputs]. */
  readonly bias: boolean;
  /** Whether the matrix is stored [inputs, outputs], as GPT-2's Conv1D does, instead of [outputs, inputs]. */
  readonly inputsFirst: boolean;
}

/**
 * A model as its config.json describes it: sizes, weights, and the graph from ids to hidden states. One file per
 * architecture makes these; everything else in the learner works on them alone.
 */
export interface ModelDefinition {
  /** Hugging Face's class name. */
  readonly architecture: string;
  /** Tokens that it knows; 0 where it reads images. */
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** Longest sequence that the model was made for, in tokens. */
  readonly contextMax: number;
  /** What a layer keeps of each position when generating: keys and values of this many heads of this size. */
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** How far back the layers with a sliding window see, each size once; empty when every layer sees all. */
  readonly windows: readonly number[];
  /** Every id that ends a text; the first is the one that training appends. */
  readonly eosIds: readonly number[];
  /** Everything in config.json that changes what is computed, as plain data; part of the model's digest. */
  readonly settings: object;
  /** Name and shape of every weight in Hugging Face's layout; a tied head has no entry of its own. */
  readonly weights: ReadonlyMap<string, Shape>;
  /** Other names of weights, e.g. a tied head's: files may use either. */
  readonly aliases: ReadonlyMap<string, string>;
  /** The linear layers inside the blocks, in the order in which adapters lie. */
  readonly linears: readonly LinearLayer[];
  /** Short names for targets, e.g. `q` for `q_proj`. */
  readonly shortTargets: Readonly<Record<string, string>>;
  /** The images that it reads, in pixels: square, in square patches; absent where it reads tokens. */
  readonly image?: PatchGrid;
  /** The table of the tokens' embeddings, [vocabSize, hiddenSize]; null where it reads images. */
  readonly embedding: string | null;
  /** What an embedding is multiplied by where the model begins; 1 when absent. */
  readonly embeddingScale?: number;
  /** The weight of the output head, [vocabSize, hiddenSize]; null for a model that writes no text. */
  readonly head: string | null;
  /** What no logit of the head goes beyond; see `softcap`. */
  readonly logitCap?: number;
  /** How texts are classified, where it is not by a score of the last token. */
  readonly classifier?: Classifier;
  /** Numbers of positions beyond which whole texts are turned otherwise (LongRoPE). */
  readonly turningPoints?: readonly number[];
  /** What the head that the checkpoint may hold tells apart, in the order of its outputs. */
  readonly classes?: readonly string[];
  /** How many of them a text or an image has, where config.json says it. */
  readonly labels?: LabelKind;
  /** Linear layers that adapters leave alone but PEFT's `target_modules` could match. */
  readonly unadapted?: readonly string[];
  /**
   * ids i64 [rows], or patches f32 [images * patches, patchPixels], to what enters the first block, [rows,
   * hiddenSize].
   */
  embedded(blocks: Blocks, ids: Value): Value;
  /** x [rows, hiddenSize] through block `layer`. */
  block(blocks: Blocks, layer: number, x: Value): Value;
  /** The normalisation after the last block; absent where every block ends with its own. */
  lastNorm?(blocks: Blocks, x: Value): Value;
}

/** A linear layer of a classification head; it trains whole. */
export interface HeadLayer {
  /** Its path in Hugging Face's names, e.g. `classifier.out_proj`. */
  readonly module: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
}

/** How a model of some class tells texts or images apart. */
export interface Classifier {
  /** The name of what trains besides the adapter: PEFT's `modules_to_save`. */
  readonly module: "classifier" | "score";
  /** transformers' class that computes the same; null where it has none. */
  readonly className: string | null;
  /** Which hidden states of a text become its row. */
  readonly pooling: "first" | "last" | "mean";
  /** Whether positions see those after them too. */
  readonly bidirectional: boolean;
  /** The head's layers for a number of classes, in the order in which they lie behind an adapter. */
  layers(classes: number): readonly HeadLayer[];
  /** pooled [rows, hiddenSize] to logits [rows, classes]; `layer` applies one of `layers`. */
  logits(blocks: Blocks, pooled: Value, layer: (module: string, x: Value) => Value): Value;
}

/** How config.json of a class is read. */
export interface Architecture {
  /** Hugging Face's class names. */
  readonly names: readonly string[];
  /** The `model_type` that stands for it when config.json names no class. */
  readonly modelType: string;
  /**
   * @throws KlatchError `data` when a value is out of bounds, `incompatible` for a setting that is not computed
   */
  define(json: unknown, file: string): ModelDefinition;
}

/** The linear layers that `target` names, as PEFT matches: the whole last part of the path, or a short name. */
export function matchTarget(definition: ModelDefinition, target: string): readonly LinearLayer[] {
  const suffix = definition.shortTargets[target] ?? target;
  return definition.linears.filter(
    ({ module }) => module === suffix || module.endsWith(`.${suffix}`),
  );
}
