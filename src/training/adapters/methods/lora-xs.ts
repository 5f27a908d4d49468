import { KlatchError } from "../../../errors.ts";
import type { BaseModel } from "../../base/base-model.ts";
import { add } from "../../graph/elementwise.ts";
import { matmul } from "../../graph/matmul.ts";
import { type DType, floats, type Graph } from "../../graph/value.ts";
import { makeLayout, slotView } from "../../layout/slots.ts";
import type { LinearLayer } from "../../models/definition.ts";
import type { Adapter } from "../adapter.ts";
import { type AdaptedLayer, createLora, type LoraLayout, type LoraOptions } from "./lora.ts";
import { singularVectors } from "./singular-vectors.ts";

/** The frozen factors of one layer, W = B A on the space of its greatest singular values. */
interface Frame {
  /** Rows of [rank, inputs]: orthonormal right vectors. */
  readonly right: readonly Float64Array[];
  /** Rows of [rank, outputs]: orthonormal left vectors. */
  readonly left: readonly Float64Array[];
  readonly values: Float64Array;
}

/**
 * LoRA-XS (Balazy et al. 2024, arXiv 2405.17604): y = W x + alpha / rank * B R A x. A = V^T and B = U S come from the
 * base's own singular vectors. Only the core R, rank x rank, trains and travels. In a PEFT file it is LoRA with B R
 * for B.
 *
 * @throws KlatchError `usage` for an unknown target or a rank above a layer's sizes
 */
export function createLoraXs(base: BaseModel, options: Omit<LoraOptions, "kind">): Adapter {
  const { rank, alpha, targets } = options;
  const lora = createLora(base.definition, { rank, alpha, targets });
  const { adapted } = lora.layout;
  for (const { linear } of adapted) checkRank(rank, linear);
  const layout = makeLayout(adapted.map(({ linear }) => [coreName(linear), [rank, rank]]));
  const frames = new Map(adapted.map(({ linear }) => [linear.module, frameOf(base, linear, rank)]));
  const scales = new Map(adapted.map(({ linear, scale }) => [linear.module, scale]));
  const stored = storedForm(layout, lora.layout, frames);
  return {
    settings: lora.settings,
    layout,
    stored,
    folded: (values) => lora.folded(stored.write(values)),
    initial: () => new Float32Array(layout.length),
    trained: () => layout.tensors,
    adapt: (graph, tensors) => ({
      linear(linear, x, frozen) {
        const frame = frames.get(linear.module);
        const core = tensors.get(coreName(linear));
        if (frame === undefined || core === undefined) return undefined;
        const [a, b] = constants(graph, x.dtype, linear, frame);
        const inner = matmul(matmul(x, a, { transposeB: true }), core, { transposeB: true });
        return frozen.withBias(
          add(frozen.product(x), matmul(inner, b, { alpha: scales.get(linear.module) ?? 1 })),
        );
      },
    }),
    peftConfig: lora.peftConfig,
  };
}

function coreName({ module }: LinearLayer): string {
  return `base_model.model.${module}.lora_R.weight`;
}

function checkRank(rank: number, { module, inputs, outputs }: LinearLayer): void {
  if (rank <= Math.min(inputs, outputs)) return;
  throw new KlatchError(
    "usage",
    `rank ${rank} is more than ${module} [${outputs}, ${inputs}] has`,
    "lower the rank",
  );
}

function frameOf(base: BaseModel, { module, inputsFirst }: LinearLayer, rank: number): Frame {
  const { data, shape } = base.tensor(`${module}.weight`);
  const [rows = 0, columns = 0] = shape;
  const { values, left, right } = singularVectors(data, rows, columns, rank);
  return inputsFirst ? { values, left: right, right: left } : { values, left, right };
}

/** A [rank, inputs] and the transpose of B, [rank, outputs], in a graph. */
function constants(
  graph: Graph,
  dtype: DType,
  { module, inputs, outputs }: LinearLayer,
  frame: Frame,
) {
  const { right, left, values } = frame;
  const a = right.flatMap((row) => [...row]);
  const b = left.flatMap((row, j) => [...row.map((x) => x * (values[j] ?? 0))]);
  return [
    graph.constant(floats(dtype, a), [right.length, inputs], dtype, `${module} right`),
    graph.constant(floats(dtype, b), [left.length, outputs], dtype, `${module} left`),
  ] as const;
}

function storedForm(
  layout: Adapter["layout"],
  lora: LoraLayout,
  frames: ReadonlyMap<string, Frame>,
): NonNullable<Adapter["stored"]> {
  const each = (visit: (layer: AdaptedLayer, frame: Frame, at: number) => void) => {
    for (const [i, layer] of lora.adapted.entries()) {
      const frame = frames.get(layer.linear.module);
      if (frame !== undefined) visit(layer, frame, i);
    }
  };
  const coreOf = (values: Float32Array, at: number) => {
    const slot = layout.tensors[at];
    return slot === undefined ? new Float32Array() : slotView(values, slot);
  };
  return {
    layout: lora,
    write(values) {
      const written = new Float32Array(lora.length);
      each(({ a, b }, frame, i) => {
        slotView(written, a).set(frame.right.flatMap((row) => [...row]));
        slotView(written, b).set(timesCore(frame, coreOf(values, i)));
      });
      return written;
    },
    read(written) {
      const values = new Float32Array(layout.length);
      each(({ linear, a, b }, frame, i) => {
        const core = coreOf(values, i);
        const factor = slotView(written, b);
        core.set(coreBehind(frame, factor));
        const right = Float32Array.from(frame.right.flatMap((row) => [...row]));
        const fits = near(slotView(written, a), right) && near(factor, timesCore(frame, core));
        if (!fits) throw foreign(linear);
      });
      return values;
    },
  };
}

/** B R [outputs, rank] for B = U S. */
function timesCore({ left, values }: Frame, core: Float32Array): Float32Array {
  const rank = values.length;
  const outputs = left[0]?.length ?? 0;
  return Float32Array.from({ length: outputs * rank }, (_, i) => {
    const [row, column] = [Math.floor(i / rank), i % rank];
    let total = 0;
    for (let k = 0; k < rank; k += 1) {
      total += (left[k]?.[row] ?? 0) * (values[k] ?? 0) * (core[k * rank + column] ?? 0);
    }
    return total;
  });
}

/** The R of B R: S^-1 U^T (B R). */
function coreBehind({ left, values }: Frame, factor: Float32Array): Float32Array {
  const rank = values.length;
  return Float32Array.from({ length: rank * rank }, (_, i) => {
    const [k, column] = [Math.floor(i / rank), i % rank];
    let total = 0;
    for (const [row, u] of (left[k] ?? []).entries())
      total += u * (factor[row * rank + column] ?? 0);
    const value = values[k] ?? 0;
    return value === 0 ? 0 : total / value;
  });
}

/** Whether two arrays differ by less than 1e-4 of the first's norm. */
function near(found: Float32Array, expected: Float32Array): boolean {
  let [difference, size] = [0, 0];
  for (const [i, x] of found.entries()) {
    difference += (x - (expected[i] ?? 0)) ** 2;
    size += x * x;
  }
  return difference <= 1e-8 * size;
}

function foreign({ module }: LinearLayer): KlatchError {
  return new KlatchError(
    "incompatible",
    `the factors of ${module} are not made of this base model's singular vectors`,
    "read it as a LoRA adapter, or use the base model that it was trained on",
  );
}
