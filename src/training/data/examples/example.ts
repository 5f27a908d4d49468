/**
 * How a text was laid out in training, so that whoever generates lays out a prompt in the same way: `text` is continued,
 * a `prompt` is answered after a separator, `alpaca` is an instruction in Alpaca's template, `chat` a conversation in the
 * tokenizer's own.
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
  readonly truncated: boolean;
}

/** A text to continue, or one with a class. All of a batch are of one kind. */
export type AnyExample = Example | LabelledExample;

export function isLabelled(example: AnyExample): example is LabelledExample {
  return "label" in example;
}

/** Positions that an example takes in a batch: the last id of a text to continue is only a target. */
export function positionsTaken(example: AnyExample): number {
  return isLabelled(example) ? example.ids.length : example.ids.length - 1;
}
