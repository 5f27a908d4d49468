import type { Batch, BatchShape } from "../batches/batch.ts";
import type { Arrays } from "../graph/value.ts";
import type { HeadLoss } from "../layers/cross-entropy.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { batchLoss } from "./loss-program.ts";
import type { ProgramParts } from "./program-parts.ts";

/** What a model learns: the loss of a batch, and what a program of it is fed. */
export interface Objective {
  loss(definition: ModelDefinition, parts: ProgramParts, shape: BatchShape): HeadLoss;
  feeds(batch: Batch): Arrays;
}

/** To predict each token of a completion from those before it. */
export const NEXT_TOKEN: Objective = {
  loss: (definition, parts, shape) => batchLoss(definition, parts, shape),
  feeds: ({ ids, positions, targets, weights, packing }) => ({
    ...{ ids, positions, targets, weights },
    ...packing,
  }),
};
