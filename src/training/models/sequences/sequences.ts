import type { Graph, Value } from "../../graph/value.ts";
import type { Rotation } from "../../layers/rotation.ts";

/** One attention layer's numbers. */
export interface AttentionSettings {
  readonly heads: number;
  /** Divides `heads`; fewer means grouped queries. */
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** What query times key is multiplied by, usually 1 / sqrt(headDim). */
  readonly scale: number;
  readonly rotation?: Rotation;
  /** How many positions back a query sees, itself included; all when absent. */
  readonly window?: number;
  /** What no score goes beyond; see `softcap`. */
  readonly cap?: number;
}

/** How the rows of a program are sequences: whole ones side by side, or one new position after a cache. */
export interface Sequences {
  /** i64 [rows]: each row's position in its sequence. */
  positions(graph: Graph): Value;
  /** Self-attention over projected query [rows, heads * headDim], key and value [rows, keyValueHeads * headDim]. */
  attend(layer: number, projected: Projected, settings: AttentionSettings): Value;
  /** These sequences behind an adapter's first positions; absent where there can be none. */
  after?(beginning: Beginning): Sequences;
  /** Embeddings of the tokens with those of the beginning between them. */
  insert?(rows: Value): Value;
  /** Hidden states of the tokens alone. */
  remove?(rows: Value): Value;
}

export interface Projected {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

/** What an adapter puts before every sequence, at its first `length` positions: embeddings, or keys and values. */
export interface Beginning {
  readonly length: number;
  /** [length, hiddenSize] */
  readonly prompt?: Value;
  /** A layer's keys, as rotated, and values: [keyValueHeads, length, headDim] each. */
  prefix?(layer: number): { readonly key: Value; readonly value: Value };
}
