import { KlatchError } from "../../errors.ts";
import type { Adapter } from "../adapters/adapter.ts";
import { withClassificationHead } from "../adapters/classification-head.ts";
import { createAdapter } from "../adapters/kinds.ts";
import type { BaseModel } from "../base/base-model.ts";
import { classification } from "../programs/classification.ts";
import { NEXT_TOKEN, type Objective } from "../programs/objective.ts";
import type { LearnerOptions } from "./learner.ts";

/**
 * The adapter that a task trains on a base model, with a head for `classes`, and the loss it trains it with.
 *
 * @throws KlatchError `incompatible` when the model cannot do the task, else as `createAdapter`
 */
export function taskOf(
  base: BaseModel,
  options: Pick<LearnerOptions, "adapter">,
  classes: readonly string[] | null,
): { readonly adapter: Adapter; readonly objective: Objective } {
  const { seed: _, ...settings } = options.adapter;
  const adapter = createAdapter(base, settings);
  const { definition } = base;
  if (classes !== null) {
    const headed = withClassificationHead(adapter, definition, classes);
    return { adapter: headed, objective: classification(definition) };
  }
  if (definition.head !== null) return { adapter, objective: NEXT_TOKEN };
  throw new KlatchError(
    "incompatible",
    `${definition.architecture} reads texts and writes none`,
    "choose run.task classification, or another base model",
  );
}

/** What a classifier answers when asked to generate. */
export function writesNoText(): KlatchError {
  return new KlatchError(
    "usage",
    "a classifier tells the class of a text and writes none",
    "measure it with klatch eval",
  );
}
