import { KlatchError } from "../../errors.ts";
import type { Adaptation, Beginning, FrozenLinear } from "../adapters/adapter.ts";
import { add, scale } from "../graph/elementwise.ts";
import { gatherRows } from "../graph/indexing.ts";
import { matmul } from "../graph/matmul.ts";
import type { Graph, Value } from "../graph/value.ts";
import type { Rotation } from "../layers/rotation.ts";
import type { LinearLayer, ModelDefinition } from "./definition.ts";

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

/** What an architecture builds its graph from. */
export interface Blocks {
  readonly graph: Graph;
  /** A frozen weight by its Hugging Face name. */
  weight(name: string): Value;
  /** x [rows, inputs] through linear layer `module`, bias and adapter included: [rows, outputs]. */
  linear(module: string, x: Value): Value;
  /** The embeddings of `ids` (i64 [rows]), with what an adapter puts before them. */
  embed(ids: Value): Value;
  positions(): Value;
  /** ids i64 [rows] to hidden states after the last normalisation, [rows, hiddenSize]. */
  hidden(ids: Value): Value;
  /** See `Sequences.attend`; gives [rows, heads * headDim]. */
  attend(layer: number, projected: Projected, settings: AttentionSettings): Value;
}

/** Where a program's frozen weights come from. */
export interface WeightSource {
  weight(graph: Graph, name: string): Value;
  /** x [rows, inputs] times a layer's matrix where that is not kept as a weight: [rows, outputs]. */
  product?(graph: Graph, layer: LinearLayer, x: Value): Value | undefined;
  /** Rows `ids` of a table where that is not kept as a weight. */
  rows?(graph: Graph, table: string, ids: Value): Value | undefined;
}

/** The blocks of one program over frozen weights, with what an adapter changes. */
export function makeBlocks(
  graph: Graph,
  definition: ModelDefinition,
  source: WeightSource,
  sequences: Sequences,
  adaptation: Adaptation = {},
): Blocks {
  const layers = new Map(definition.linears.map((layer) => [layer.module, layer]));
  const weight = (name: string) => adaptation.weight?.(name) ?? source.weight(graph, name);
  const frozen = (layer: LinearLayer): FrozenLinear => ({
    product: (x) =>
      source.product?.(graph, layer, x) ??
      matmul(x, weight(`${layer.module}.weight`), { transposeB: !layer.inputsFirst }),
    withBias: (y) => (layer.bias ? add(y, weight(`${layer.module}.bias`)) : y),
  });
  const behind = begin(sequences, adaptation, definition);
  return {
    graph,
    weight,
    hidden(ids) {
      let x = definition.embedded(this, ids);
      for (let layer = 0; layer < definition.layers; layer += 1) {
        graph.startSegment(x);
        x = definition.block(this, layer, x);
      }
      graph.startSegment(x);
      const rows = definition.lastNorm?.(this, x) ?? x;
      return behind.remove?.(rows) ?? rows;
    },
    linear(module, x) {
      const layer = layers.get(module);
      if (layer === undefined) throw new Error(`no linear layer ${module}`);
      const base = frozen(layer);
      return adaptation.linear?.(layer, x, base) ?? base.withBias(base.product(x));
    },
    embed(ids) {
      const { embedding, embeddingScale = 1 } = definition;
      const chosen = source.rows?.(graph, embedding, ids) ?? gatherRows(weight(embedding), ids);
      const rows = scale(chosen, embeddingScale);
      return behind.insert?.(rows) ?? rows;
    },
    positions: () => behind.positions(graph),
    attend: (layer, projected, settings) => behind.attend(layer, projected, settings),
  };
}

function begin(
  sequences: Sequences,
  { beginning }: Adaptation,
  { architecture }: ModelDefinition,
): Sequences {
  if (beginning === undefined) return sequences;
  const behind = sequences.after?.(beginning);
  if (behind !== undefined) return behind;
  throw new KlatchError(
    "incompatible",
    `the sequences of ${architecture} take no virtual tokens before them`,
    "choose an adapter of another kind, e.g. lora",
  );
}
