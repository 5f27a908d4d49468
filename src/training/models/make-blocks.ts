import { KlatchError } from "../../errors.ts";
import { add, scale } from "../graph/elementwise.ts";
import { gatherRows } from "../graph/indexing.ts";
import { matmul } from "../graph/matmul.ts";
import type { Graph, Value } from "../graph/value.ts";
import type { Adaptation, FrozenLinear } from "./adaptation.ts";
import type { Blocks } from "./blocks.ts";
import type { LinearLayer, ModelDefinition } from "./definition.ts";
import type { Sequences } from "./sequences/sequences.ts";

/** Where a program's frozen weights come from. */
export interface WeightSource {
  weight(graph: Graph, name: string): Value;
  /** x [rows, inputs] times a layer's matrix where that is not kept as a weight: [rows, outputs]. */
  product?(graph: Graph, layer: LinearLayer, x: Value): Value | undefined;
  /** The squared norm of each output's row where a matrix is kept rounded. */
  rowSquares?(layer: LinearLayer): Float64Array | undefined;
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
    product(x) {
      const own = adaptation.weight?.(`${layer.module}.weight`);
      const kept = own === undefined ? source.product?.(graph, layer, x) : undefined;
      const matrix = () => own ?? weight(`${layer.module}.weight`);
      return kept ?? matmul(x, matrix(), { transposeB: !layer.inputsFirst });
    },
    withBias: (y) => (layer.bias ? add(y, weight(`${layer.module}.bias`)) : y),
    rowSquares: () => source.rowSquares?.(layer),
  });
  const behind = begin(sequences, adaptation, definition);
  return {
    graph,
    weight,
    head: adaptation.head,
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
      if (embedding === null) throw new Error(`${definition.architecture} reads no tokens`);
      const own = adaptation.weight?.(embedding);
      const kept = own === undefined ? source.rows?.(graph, embedding, ids) : undefined;
      const chosen = kept ?? gatherRows(own ?? weight(embedding), ids);
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
