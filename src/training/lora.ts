import { createHash } from "node:crypto";
import { KlatchError } from "../errors.ts";
import { seededRandom } from "../random.ts";
import type { AdapterLayout, TensorSlot } from "../types.ts";
import type { BaseModel } from "./files/base-model.ts";
import { loraTensorName } from "./files/peft.ts";
import { MODULES, TARGETS, type Target } from "./files/peft-config.ts";
import { sizeOf } from "./graph/value.ts";
import type { AdapterOptions, FactorSchedule } from "./learner.ts";

/** The two factors of LoRA: delta W = alpha / rank * B A. */
export type Factor = "A" | "B";

/** One linear layer's pair of factors in the flat array. */
export interface AdaptedLayer {
  readonly layer: number;
  readonly target: Target;
  /** [rank, in] */
  readonly a: TensorSlot;
  /** [out, rank] */
  readonly b: TensorSlot;
}

export interface LoraLayout extends AdapterLayout {
  readonly adapted: readonly AdaptedLayer[];
  /** alpha / rank */
  readonly scale: number;
}

const RANK_MAX = 4096;

/** The chosen targets in the order of the layers; "all" means every linear layer. */
function chosenTargets(names: readonly string[]): readonly Target[] {
  for (const name of names) {
    if (name === "all" || TARGETS.some((target) => target === name)) continue;
    throw new KlatchError(
      "usage",
      `there is no linear layer "${name}"`,
      `choose among ${TARGETS.join(", ")}, or all`,
    );
  }
  const chosen = TARGETS.filter((target) => names.includes("all") || names.includes(target));
  if (chosen.length > 0) return chosen;
  throw new KlatchError(
    "usage",
    "the adapter has no target",
    "choose linear layers, e.g. q,v or all",
  );
}

/**
 * Where the factors of each adapted layer lie in the flat array: by layer, then target in the order q, k, v, o, gate,
 * up, down, A before B. The digest is SHA-256 of the JSON list of [name, shape].
 *
 * @throws KlatchError `usage` for an unknown target or an impossible rank or alpha
 */
export function loraLayout(model: BaseModel, options: AdapterOptions): LoraLayout {
  const { rank, alpha } = options;
  if (!Number.isInteger(rank) || rank < 1 || rank > RANK_MAX) {
    throw new KlatchError(
      "usage",
      `rank ${rank} is not possible`,
      `choose 1 to ${RANK_MAX}, e.g. 8`,
    );
  }
  if (!(alpha > 0 && Number.isFinite(alpha))) {
    throw new KlatchError(
      "usage",
      `alpha ${alpha} is not possible`,
      "choose a positive number, e.g. 16",
    );
  }
  const tensors: TensorSlot[] = [];
  let length = 0;
  const slot = (layer: number, target: Target, factor: Factor, shape: readonly number[]) => {
    const made = { name: loraTensorName(layer, target, factor), shape, offset: length };
    length += sizeOf(shape);
    tensors.push(made);
    return made;
  };
  const adapted: AdaptedLayer[] = [];
  const targets = chosenTargets(options.targets);
  for (let layer = 0; layer < model.config.layers; layer += 1) {
    for (const target of targets) {
      const weight = model.tensor(`model.layers.${layer}.${MODULES[target]}.weight`);
      const [out = 0, into = 0] = weight.shape;
      const a = slot(layer, target, "A", [rank, into]);
      adapted.push({ layer, target, a, b: slot(layer, target, "B", [out, rank]) });
    }
  }
  const canonical = JSON.stringify(tensors.map(({ name, shape }) => [name, shape]));
  const digest = createHash("sha256").update(canonical).digest("hex");
  return { tensors, length, digest, adapted, scale: alpha / rank };
}

/** The targets that a layout adapts, in layer order. */
export function layoutTargets(layout: LoraLayout): readonly Target[] {
  return TARGETS.filter((target) => layout.adapted.some((layer) => layer.target === target));
}

/**
 * The adapter that every peer starts from: A uniform in (-1/sqrt(in), 1/sqrt(in)), which is PEFT's kaiming_uniform with
 * a = sqrt(5), from a generator that gives the same bits everywhere; B zero.
 */
export function initialLora(layout: LoraLayout, seed: number): Float32Array {
  const values = new Float32Array(layout.length);
  const random = seededRandom(seed);
  for (const { a } of layout.adapted) {
    const bound = 1 / Math.sqrt(a.shape[1] ?? 1);
    for (let i = 0; i < sizeOf(a.shape); i += 1) values[a.offset + i] = (2 * random() - 1) * bound;
  }
  return values;
}

/** Which factors train in `round`; see `FactorSchedule`. */
export function trainedFactors(schedule: FactorSchedule, round: number): readonly Factor[] {
  if (schedule === "both") return ["A", "B"];
  if (schedule === "ffa") return ["B"];
  return round % 2 === 0 ? ["B"] : ["A"];
}

/** The slots of the given factors. */
export function factorSlots(layout: LoraLayout, factors: readonly Factor[]): readonly TensorSlot[] {
  return layout.adapted.flatMap(({ a, b }) => [
    ...(factors.includes("A") ? [a] : []),
    ...(factors.includes("B") ? [b] : []),
  ]);
}

/** The part of a flat array that `slot` names, as a view. */
export function slotView(values: Float32Array, slot: TensorSlot): Float32Array {
  return values.subarray(slot.offset, slot.offset + sizeOf(slot.shape));
}
