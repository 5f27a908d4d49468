import type { ModelDefinition } from "./definition.ts";

/** The numbers that every decoder has, as its configuration names them. */
export interface DecoderSizes {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly contextMax: number;
  readonly normEpsilon: number;
  readonly bosId: number;
  readonly eosIds: readonly number[];
}

type DefinedSizes = Pick<
  ModelDefinition,
  "vocabSize" | "hiddenSize" | "layers" | "contextMax" | "keyValueHeads" | "headDim" | "eosIds"
>;

/**
 * What a definition says of these numbers. Unless the configuration says otherwise, every head has a key of its own,
 * and the heads divide the hidden size evenly.
 */
export function definedSizes(
  config: DecoderSizes & Partial<Pick<ModelDefinition, "keyValueHeads" | "headDim">>,
): DefinedSizes {
  const { vocabSize, hiddenSize, layers, contextMax, heads, eosIds } = config;
  const { keyValueHeads = heads, headDim = hiddenSize / heads } = config;
  return { vocabSize, hiddenSize, layers, contextMax, keyValueHeads, headDim, eosIds };
}
