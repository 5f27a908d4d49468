import type { Graph, Value } from "../graph/value.ts";
import type { Blocks } from "../models/blocks.ts";
import type { Sequences } from "../models/sequences/sequences.ts";

/** What a program is built from: a graph, the adapter's tensors in it, and blocks over any kind of sequences. */
export interface ProgramParts {
  readonly graph: Graph;
  /** The adapter's tensors by slot name. */
  readonly tensors: ReadonlyMap<string, Value>;
  blocks(sequences: Sequences): Blocks;
}
