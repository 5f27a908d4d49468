import { KlatchError } from "../../errors.ts";
import type { Adapter } from "../adapters/adapter.ts";
import { startOfHead, withClassificationHead } from "../adapters/classification-head.ts";
import { createAdapter } from "../adapters/kinds.ts";
import type { BaseModel } from "../base/base-model.ts";
import { className } from "../data/examples/classes.ts";
import type { AdaptedModel } from "../programs/adapted-model.ts";
import { classification } from "../programs/classification.ts";
import { NEXT_TOKEN, type Objective } from "../programs/objective.ts";
import type { LearnerData } from "./data.ts";
import type { LearnerNotice, LearnerOptions } from "./learner.ts";

/** Classes that a notice names. */
const NAMED_MAX = 10;

/**
 * The adapter that a task trains on a base model, with a head for `classes`, and the loss it trains it with.
 *
 * @throws KlatchError `incompatible` when the model cannot do the task, else as `createAdapter`
 */
export function taskOf(
  base: BaseModel,
  options: Pick<LearnerOptions, "adapter">,
  { classes, labels }: Pick<LearnerData, "classes" | "labels">,
): { readonly adapter: Adapter; readonly objective: Objective } {
  const { seed: _, ...settings } = options.adapter;
  const adapter = createAdapter(base, settings);
  const { definition } = base;
  if (classes !== null) {
    const start = startOfHead(base, classes);
    const headed = withClassificationHead(adapter, definition, classes, { start, kind: labels });
    return { adapter: headed, objective: classification(definition, classes.length, labels) };
  }
  if (definition.head !== null) return { adapter, objective: NEXT_TOKEN };
  throw new KlatchError(
    "incompatible",
    `${definition.architecture} reads texts and writes none`,
    "choose run.task classification, or another base model",
  );
}

/** Says what of the stored weights is not as config.json would have it, or is not gone on with. */
export function weightNotices(
  base: BaseModel,
  classes: readonly string[] | null = null,
): readonly LearnerNotice[] {
  const { definition, untied, unused } = base;
  const head = headNotice(base, classes);
  const kind = "change";
  const named = unused.slice(0, NAMED_MAX).join(", ");
  const more = unused.length > NAMED_MAX ? ` and ${unused.length - NAMED_MAX} more` : "";
  const ownHead =
    "the model has a head of its own, which config.json ties to the embedding: it is used";
  const left = "some stored tensors have no place in the model and are not used";
  return [
    ...(untied
      ? [{ kind, message: ownHead, facts: { tensor: definition.head ?? "" } } as const]
      : []),
    ...(unused.length > 0
      ? [{ kind, message: left, facts: { tensors: named + more } } as const]
      : []),
    ...(head === null ? [] : [head]),
  ];
}

/** Who only uses a model, and names no task, does what the model was saved for: a classifier's own classes. */
export function settleTask(
  options: LearnerOptions,
  { head }: Pick<BaseModel, "head">,
): LearnerOptions {
  const { task, data } = options;
  if (task !== undefined || data !== undefined || head === undefined) return options;
  return { ...options, task: "classification", classes: head.classes };
}

/** Says that a model's own head is not gone on with, and why; null where it is, and where there is none. */
function headNotice(base: BaseModel, classes: readonly string[] | null): LearnerNotice | null {
  const own = base.head?.classes;
  if (classes === null || own === undefined || startOfHead(base, classes) !== null) return null;
  const without = (some: readonly string[], others: readonly string[]) =>
    some
      .flatMap((name, i) => (others.includes(name) ? [] : [className(name, i)]))
      .slice(0, NAMED_MAX)
      .join(", ");
  return {
    kind: "change",
    message: "the classification head starts anew: the classes are not those of the model's own",
    facts: Object.fromEntries(
      [
        ["only in the model", without(own, classes)] as const,
        ["only in the run", without(classes, own)] as const,
      ].filter(([, names]) => names !== ""),
    ),
  };
}

/** A prompt beyond the context loses its beginning, where its instruction may stand; null of one that fits. */
export function cutNotice(
  { adapter, base }: Pick<AdaptedModel, "adapter" | "base">,
  tokens: number,
): LearnerNotice | null {
  const read = base.definition.contextMax - (adapter.virtualTokens ?? 0) - 1;
  const message = "the prompt is longer than the model can read: its beginning is left out";
  return tokens <= read ? null : { kind: "change", message, facts: { tokens, read } };
}

/** What a classifier answers when asked to generate. */
export function writesNoText(): KlatchError {
  return new KlatchError(
    "usage",
    "a classifier tells the class of a text and writes none",
    "measure it with klatch eval",
  );
}

/** What a model that writes texts answers when asked for a class. */
export function tellsNoClass(): KlatchError {
  return new KlatchError(
    "usage",
    "the model writes texts and tells no class",
    "name an adapter or a model with a classification head",
  );
}
