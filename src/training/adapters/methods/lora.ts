import { seededRandom } from "../../../random.ts";
import type { AdapterLayout, TensorSlot } from "../../../types.ts";
import { add } from "../../graph/elementwise.ts";
import { matmul } from "../../graph/matmul.ts";
import { sizeOf, type Value } from "../../graph/value.ts";
import { makeLayout } from "../../layout/slots.ts";
import type { LinearLayer, ModelDefinition } from "../../models/definition.ts";
import type { Adapter, FactorSchedule, Fold } from "../adapter.ts";
import { foldLowRank } from "../merging/fold.ts";
import { loraConfig } from "../peft/peft-config.ts";
import { chosenLayers, peftTargets } from "../targets.ts";

/** The two factors of LoRA: delta W = scale * B A. */
export type Factor = "A" | "B";

/** One linear layer's pair of factors in the flat array. */
export interface AdaptedLayer {
  readonly linear: LinearLayer;
  /** [rank, in] */
  readonly a: TensorSlot;
  /** [out, rank] */
  readonly b: TensorSlot;
  /** What B A is multiplied by. */
  readonly scale: number;
}

export interface LoraLayout extends AdapterLayout {
  readonly adapted: readonly AdaptedLayer[];
}

export interface LoraOptions {
  /** Which scale: alpha / rank, the default, or alpha / sqrt(rank). */
  readonly kind?: "lora" | "rslora";
  readonly rank: number;
  readonly alpha: number;
  readonly targets: readonly string[];
  /** The layers by their whole paths, each with its own numbers, in place of `targets`. */
  readonly modules?: Readonly<Record<string, LayerSize>>;
}

/** The numbers of one layer's factors. */
export interface LayerSize {
  readonly rank: number;
  readonly alpha: number;
}

/** Name of one LoRA factor in a PEFT file; A has the shape [rank, inputs], B [outputs, rank]. */
export function loraTensorName(module: string, factor: Factor): string {
  return `base_model.model.${module}.lora_${factor}.weight`;
}

/**
 * Where the factors of each adapted layer lie in the flat array: in the model's order of linear layers, A before B.
 *
 * @throws KlatchError `usage` for an unknown target
 */
export function loraLayout(definition: ModelDefinition, options: LoraOptions): LoraLayout {
  const { modules, targets } = options;
  const linears = chosenLayers(definition, modules ? Object.keys(modules) : targets);
  const sizeOfLayer = ({ module }: LinearLayer): LayerSize => modules?.[module] ?? options;
  const layout = makeLayout(
    linears.flatMap((linear) => {
      const { module, inputs, outputs } = linear;
      const { rank } = sizeOfLayer(linear);
      return [
        [loraTensorName(module, "A"), [rank, inputs]] as const,
        [loraTensorName(module, "B"), [outputs, rank]] as const,
      ];
    }),
  );
  const adapted = linears.flatMap((linear, i) => {
    const [a, b] = layout.tensors.slice(2 * i);
    const scale = loraScale(options.kind, sizeOfLayer(linear));
    return a === undefined || b === undefined ? [] : [{ linear, a, b, scale }];
  });
  return { ...layout, adapted };
}

/** alpha / rank, or alpha / sqrt(rank) for rank-stabilised LoRA (Kalajdzievski 2023, arXiv 2312.03732). */
function loraScale(kind: LoraOptions["kind"], { alpha, rank }: LayerSize): number {
  return kind === "rslora" ? alpha / Math.sqrt(rank) : alpha / rank;
}

export interface LoraAdapter extends Adapter {
  readonly layout: LoraLayout;
  folded(values: Float32Array): ReadonlyMap<string, Fold>;
}

/** LoRA on a model's chosen linear layers (Hu et al. 2021, arXiv 2106.09685): y = W x + scale * B A x. */
export function createLora(definition: ModelDefinition, options: LoraOptions): LoraAdapter {
  const { kind = "lora", rank, alpha, targets, modules } = options;
  const layout = loraLayout(definition, options);
  const pairs = new Map(layout.adapted.map((each) => [each.linear.module, each]));
  return {
    settings: { kind, rank, alpha, targets, ...(modules ? { modules } : {}) },
    layout,
    initial: (seed) => initialLora(layout, seed),
    trained: (schedule, round) => factorSlots(layout, trainedFactors(schedule, round)),
    adapt: (_graph, tensors) => ({
      linear({ module }, x, frozen) {
        const pair = pairs.get(module);
        const a = pair && tensors.get(pair.a.name);
        const b = pair && tensors.get(pair.b.name);
        if (pair === undefined || a === undefined || b === undefined) return undefined;
        return frozen.withBias(add(frozen.product(x), lowRank(x, a, b, pair.scale)));
      },
    }),
    folded: (values) =>
      new Map(
        layout.adapted.map((each) => [
          `${each.linear.module}.weight`,
          (weight) => foldLowRank(weight, each, values),
        ]),
      ),
    peftConfig: () =>
      loraConfig({
        rank,
        alpha,
        targets: peftTargets(
          definition,
          layout.adapted.map(({ linear }) => linear),
        ),
        rankStabilised: kind === "rslora",
        modules: modules ?? {},
      }),
  };
}

/** scale * (x A^T) B^T for x [rows, inputs]. */
export function lowRank(x: Value, a: Value, b: Value, scale: number): Value {
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
function factorSlots(layout: LoraLayout, factors: readonly Factor[]): readonly TensorSlot[] {
  return layout.adapted.flatMap(({ a, b }) => [
    ...(factors.includes("A") ? [a] : []),
    ...(factors.includes("B") ? [b] : []),
  ]);
}
