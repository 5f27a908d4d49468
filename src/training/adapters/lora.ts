import { createHash } from "node:crypto";
import { KlatchError } from "../../errors.ts";
import { seededRandom } from "../../random.ts";
import type { AdapterLayout, TensorSlot } from "../../types.ts";
import { loraConfig } from "../files/peft-config.ts";
import { add } from "../graph/elementwise.ts";
import { matmul } from "../graph/matmul.ts";
import type { Value } from "../graph/value.ts";
import { sizeOf } from "../graph/value.ts";
import type { AdapterOptions, FactorSchedule } from "../learner.ts";
import type { LinearLayer, ModelDefinition } from "../models/definition.ts";
import type { Adapter } from "./adapter.ts";
import { chosenLayers, peftTargets } from "./targets.ts";

/** The two factors of LoRA: delta W = alpha / rank * B A. */
export type Factor = "A" | "B";

/** One linear layer's pair of factors in the flat array. */
export interface AdaptedLayer {
  readonly linear: LinearLayer;
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

/** Name of one LoRA factor in a PEFT file; A has the shape [rank, inputs], B [outputs, rank]. */
export function loraTensorName(module: string, factor: Factor): string {
  return `base_model.model.${module}.lora_${factor}.weight`;
}

/**
 * Where the factors of each adapted layer lie in the flat array: in the model's order of linear layers, A before B. The
 * digest is SHA-256 of the JSON list of [name, shape].
 *
 * @throws KlatchError `usage` for an unknown target or an impossible rank or alpha
 */
export function loraLayout(definition: ModelDefinition, options: AdapterOptions): LoraLayout {
  const { rank, alpha } = options;
  checkNumbers(rank, alpha);
  const tensors: TensorSlot[] = [];
  let length = 0;
  const slot = ({ module }: LinearLayer, factor: Factor, shape: readonly number[]) => {
    const made = { name: loraTensorName(module, factor), shape, offset: length };
    length += sizeOf(shape);
    tensors.push(made);
    return made;
  };
  const adapted = chosenLayers(definition, options.targets).map((linear) => {
    const a = slot(linear, "A", [rank, linear.inputs]);
    return { linear, a, b: slot(linear, "B", [linear.outputs, rank]) };
  });
  const canonical = JSON.stringify(tensors.map(({ name, shape }) => [name, shape]));
  const digest = createHash("sha256").update(canonical).digest("hex");
  return { tensors, length, digest, adapted, scale: alpha / rank };
}

function checkNumbers(rank: number, alpha: number): void {
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
}

/** LoRA on a model's chosen linear layers (Hu et al. 2021, arXiv 2106.09685): y = W x + alpha / rank * B A x. */
export function createLora(definition: ModelDefinition, options: AdapterOptions): LoraAdapter {
  const layout = loraLayout(definition, options);
  const pairs = new Map(layout.adapted.map((each) => [each.linear.module, each]));
  return {
    layout,
    initial: (seed) => initialLora(layout, seed),
    trained: (schedule, round) => factorSlots(layout, trainedFactors(schedule, round)),
    adapt: (_graph, tensors) => ({
      linear(linear, x, base) {
        const pair = pairs.get(linear.module);
        const a = pair && tensors.get(pair.a.name);
        const b = pair && tensors.get(pair.b.name);
        if (a === undefined || b === undefined) return undefined;
        return add(base(x), lowRank(x, a, b, layout.scale));
      },
    }),
    peftConfig: () =>
      loraConfig({
        rank: options.rank,
        alpha: options.alpha,
        targets: peftTargets(
          definition,
          layout.adapted.map(({ linear }) => linear),
        ),
      }),
  };
}

export interface LoraAdapter extends Adapter {
  readonly layout: LoraLayout;
}

/** scale * (x A^T) B^T for x [rows, inputs]. */
function lowRank(x: Value, a: Value, b: Value, scale: number): Value {
  return matmul(matmul(x, a, { transposeB: true }), b, { transposeB: true, alpha: scale });
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
