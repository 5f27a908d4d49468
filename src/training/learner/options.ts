import { KlatchError } from "../../errors.ts";
import { ENGINE_CHOICES } from "../../types.ts";
import type { ModelDefinition } from "../models/definition.ts";
import type { DataReport, LearnerOptions } from "./learner.ts";

/** Methods of which `factors` can choose what trains. */
const WITH_FACTORS: readonly string[] = ["lora", "rslora", "dora"];

function requirePositive(name: string, value: number, hint: string): void {
  if (!(Number.isFinite(value) && value > 0)) {
    throw new KlatchError("usage", `${name} ${value} is not possible`, hint);
  }
}

/** Options that are possible, but not with one another. */
function checkTogether(options: LearnerOptions): void {
  const { classes, task, data, factors, adapter } = options;
  if (data?.packing === "separate") checkSeparate(options);
  if (classes !== undefined && task !== "classification") {
    throw new KlatchError(
      "usage",
      `classes are listed for the task ${task ?? "causal"}`,
      "choose run.task classification",
    );
  }
  if (data?.packing === "concatenate" && task === "classification") {
    throw new KlatchError(
      "usage",
      'packing "concatenate" would run texts of several classes together',
      "choose data.packing none",
    );
  }
  if (factors !== "both" && !WITH_FACTORS.includes(adapter.kind)) {
    throw new KlatchError(
      "usage",
      `an adapter of the kind ${adapter.kind} has no factors to train in turns`,
      "choose run.factors both, or the kind lora",
    );
  }
}

/**
 * The options with `sequenceMax` cut to the model's context less the adapter's virtual tokens; an image is never cut.
 *
 * @throws KlatchError `usage` naming the option that is not possible
 */
export function checkOptions(
  options: LearnerOptions,
  { contextMax, image }: Pick<ModelDefinition, "contextMax" | "image">,
): LearnerOptions {
  const { engine, threads, batchSize, optimizer } = options;
  if (!ENGINE_CHOICES.includes(engine)) {
    const hint = `choose one of ${ENGINE_CHOICES.join(", ")}`;
    throw new KlatchError("usage", `there is no engine "${String(engine)}"`, hint);
  }
  const { microBatch = 1 } = options;
  for (const [name, value] of Object.entries({ threads, batchSize, microBatch })) {
    if (!Number.isInteger(value) || value < 1 || value > 4096) {
      throw new KlatchError("usage", `${name} ${value} is not possible`, "choose 1 to 4096");
    }
  }
  checkTogether(options);
  requirePositive("learningRate", optimizer.learningRate, "choose e.g. 0.001");
  requirePositive("clipNorm", optimizer.clipNorm, "choose e.g. 1");
  requirePositive("epsilon", optimizer.epsilon, "choose e.g. 1e-8");
  for (const [name, beta] of Object.entries({ beta1: optimizer.beta1, beta2: optimizer.beta2 })) {
    if (!(beta >= 0 && beta < 1)) {
      throw new KlatchError(
        "usage",
        `${name} ${beta} is not possible`,
        "choose from 0 up to below 1",
      );
    }
  }
  if (image !== undefined) return { ...options, sequenceMax: contextMax };
  const { adapter } = options;
  const room = contextMax - ("virtualTokens" in adapter ? adapter.virtualTokens : 0);
  // One token and the next; whoever makes the adapter says that it takes too much.
  return { ...options, sequenceMax: Math.max(2, Math.min(options.sequenceMax, room)) };
}

/** Texts side by side in a row need a language model, and nothing before each of them. */
function checkSeparate(options: LearnerOptions): void {
  const reason = againstPacking(options);
  if (reason === null) return;
  throw new KlatchError(
    "usage",
    `packing "separate" is not possible: ${reason}`,
    'choose packing "none"',
  );
}

/** Why texts cannot lie side by side in a row; null where they can. */
export function againstPacking({
  task,
  adapter,
}: Pick<LearnerOptions, "task" | "adapter">): string | null {
  if (task === "classification") return "texts with classes have rows of their own";
  return "virtualTokens" in adapter
    ? `an adapter of the kind ${adapter.kind} stands before every text`
    : null;
}

/** Where rows are cut, and whether the model's context makes it earlier than was asked for; null of images. */
export function limitOf(
  requested: Pick<LearnerOptions, "sequenceMax">,
  { sequenceMax: tokens }: Pick<LearnerOptions, "sequenceMax">,
  { image }: Pick<ModelDefinition, "image">,
): DataReport["limit"] | null {
  return image === undefined ? { tokens, isContext: tokens < requested.sequenceMax } : null;
}
