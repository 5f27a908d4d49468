import { type CutTokens, cutTokens, type TokenCount } from "./lost-tokens.ts";
import type { HiddenPart } from "./said-parts.ts";

/**
 * How a text was laid out in training, so that generation lays out a prompt in the same way. `text` is continued. A
 * `prompt` is answered after a separator. `alpaca` is an instruction in Alpaca's template. `chat` is a conversation
 * in the tokenizer's own template.
 */
export const EXAMPLE_FORMATS = ["text", "prompt", "alpaca", "chat"] as const;
export type ExampleFormat = (typeof EXAMPLE_FORMATS)[number];

/** One training example: BOS, the prompt (if any), the completion or text, EOS unless it was cut away. */
export interface Example {
  readonly ids: Int32Array;
  /** Loss counts on targets at index >= promptLength of `ids`; at least 1, because the first id is never a target. */
  readonly promptLength: number;
  /** Where loss counts on less than everything from `promptLength` on: first and end index of each part, in order. */
  readonly parts?: readonly (readonly [start: number, end: number])[];
  /** The row was longer than the context and lost a part. */
  readonly truncated: boolean;
  /** How many tokens that part has. */
  readonly lost?: TokenCount;
  /** What the chat template does not show of the row; not kept with the data set, which counts it. */
  readonly hidden?: readonly HiddenPart[];
}

/** First and end index of the parts of `ids` that are learned. */
export function learnedParts(example: Example): NonNullable<Example["parts"]> {
  return example.parts ?? [[example.promptLength, example.ids.length]];
}

/** How many ids of an example are learned. */
export function learnedTokens(example: Example): number {
  return learnedParts(example).reduce((total, [start, end]) => total + end - start, 0);
}

/** A text and its class, for a classification head. */
export interface LabelledExample {
  /** The text with the model's special tokens around it, e.g. `[CLS] text [SEP]`. */
  readonly ids: Int32Array;
  /** Index into `classes`. */
  readonly label: number;
  /** All of them, where an example has any number of classes; then `label` means nothing. */
  readonly labels?: readonly number[];
  readonly truncated: boolean;
  /** How many tokens it lost when it was cut. */
  readonly lost?: TokenCount;
}

/** An image in the model's size. */
export interface ModelImage {
  /** Red, green and blue of every pixel, as bytes. */
  readonly pixels: Uint8Array;
  /** Positions that it takes: its patches, and one before them. */
  readonly positions: number;
  /** What the model is fed, [patches, patchPixels]; made anew at every call, for it takes four times the memory. */
  patches(): Float32Array;
}

/** An image and its class, for a classification head. */
export interface LabelledImage {
  readonly image: ModelImage;
  /** Index into `classes`. */
  readonly label: number;
  /** All of them, where an example has any number of classes; then `label` means nothing. */
  readonly labels?: readonly number[];
  readonly truncated: boolean;
}

/** A text or an image with its class. */
export type Labelled = LabelledExample | LabelledImage;

/** A text to continue, or something with a class. All of a batch are of one kind. */
export type AnyExample = Example | Labelled;

export function isLabelled(example: AnyExample): example is Labelled {
  return "label" in example;
}

/** The numbers of an example's classes. */
export function labelsOf({ label, labels }: Labelled): readonly number[] {
  return labels ?? [label];
}

export function isImage(example: AnyExample): example is LabelledImage {
  return "image" in example;
}

/** Ids of a text, or positions that an image takes. */
export function positionsIn(example: AnyExample): number {
  return isImage(example) ? example.image.positions : example.ids.length;
}

/** Positions that an example takes in a batch: the last id of a text to continue is only a target. */
export function positionsTaken(example: AnyExample): number {
  return isLabelled(example) ? positionsIn(example) : example.ids.length - 1;
}

/** The tokens of all that were cut; undefined where none was. */
export function cutIn(examples: readonly AnyExample[]): CutTokens | undefined {
  let cut: CutTokens | undefined;
  for (const example of examples) {
    if (!example.truncated || isImage(example)) continue;
    cut = cutTokens(cut, example.ids.length, example.lost);
  }
  return cut;
}
