import type { Graph, Value } from "../graph/value.ts";
import type { AttentionSettings, Projected } from "./sequences/sequences.ts";

/** What an architecture builds its graph from. */
export interface Blocks {
  readonly graph: Graph;
  /** A frozen weight by its Hugging Face name. */
  weight(name: string): Value;
  /** The output head where it is another than the definition's. */
  readonly head?: Value | undefined;
  /** x [rows, inputs] through linear layer `module`, bias and adapter included: [rows, outputs]. */
  linear(module: string, x: Value): Value;
  /** The embeddings of `ids` (i64 [rows]), with what an adapter puts before them. */
  embed(ids: Value): Value;
  positions(): Value;
  /** ids i64 [rows], or patches of images, to hidden states after the last normalisation, [rows, hiddenSize]. */
  hidden(ids: Value): Value;
  /** See `Sequences.attend`; gives [rows, heads * headDim]. */
  attend(layer: number, projected: Projected, settings: AttentionSettings): Value;
}
