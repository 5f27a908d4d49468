import assert from "node:assert/strict";
import { seededRandom } from "../../random.ts";
import type { TensorSlot } from "../../types.ts";
import type { BaseModel } from "../base/base-model.ts";
import type { LabelKind } from "../data/examples/labels.ts";
import type { FloatTensor } from "../files/safetensors.ts";
import { sizeOf } from "../graph/value.ts";
import { extendedLayout, slotView } from "../layout/slots.ts";
import { classifierOf } from "../models/classifier.ts";
import type { ModelDefinition } from "../models/definition.ts";
import type { Adapter, ClassificationHead, StoredForm } from "./adapter.ts";

/** Standard deviation of a new head's weights, as in Hugging Face's classes. */
const DEVIATION = 0.02;
/** Sets the head's stream of numbers apart from the adapter's. */
const SEED_MASK = 0x5bd1e995;

/** What PEFT's files put before a module's name. */
const IN_PEFT = "base_model.model.";

/** Names of a head layer's tensors in a PEFT file. */
export function headModuleTensors(module: string): {
  readonly weight: string;
  readonly bias: string;
} {
  const at = `${IN_PEFT}${module}`;
  return { weight: `${at}.weight`, bias: `${at}.bias` };
}

/** Weights that a head begins with, by their Hugging Face names. */
export type HeadStart = ReadonlyMap<string, Float32Array>;

/**
 * A checkpoint's head as the start of one for `classes`: its outputs in their order. Null when it tells others apart.
 */
export function startOfHead(
  { head, definition }: Pick<BaseModel, "head" | "definition">,
  classes: readonly string[],
): HeadStart | null {
  const places = classes.map((name) => head?.classes.indexOf(name) ?? -1);
  if (head === undefined || places.includes(-1) || head.classes.length !== classes.length)
    return null;
  const last = classifierOf(definition).layers(classes.length).at(-1)?.module;
  const ordered = ({ data }: FloatTensor) => {
    const width = data.length / classes.length;
    return Float32Array.from(data, (_, i) => {
      const row = places[Math.floor(i / width)] ?? 0;
      return data[row * width + (i % width)] ?? 0;
    });
  };
  return new Map(
    [...head.tensors].map(([name, tensor]) => [
      name,
      name.startsWith(`${last}.`) ? ordered(tensor) : tensor.data,
    ]),
  );
}

/**
 * `adapter` with a classification head behind it, which trains in every round, whichever of the adapter's factors do,
 * and is shared like the rest. PEFT calls such layers `modules_to_save`. The digest covers the classes and their
 * order, and how many of them a text has: two heads are alike only when each output means the same. It begins with
 * `start`, else with small random numbers.
 */
export function withClassificationHead(
  adapter: Adapter,
  definition: ModelDefinition,
  classes: readonly string[],
  {
    start = null,
    kind = "one",
  }: { readonly start?: HeadStart | null; readonly kind?: LabelKind } = {},
): Adapter {
  const { module, pooling, layers } = classifierOf(definition);
  const slots: TensorSlot[] = [];
  let { length } = adapter.layout;
  const slot = (name: string, shape: readonly number[]) => {
    slots.push({ name, shape, offset: length });
    length += sizeOf(shape);
  };
  for (const layer of layers(classes.length)) {
    const { weight, bias } = headModuleTensors(layer.module);
    slot(weight, [layer.outputs, layer.inputs]);
    if (layer.bias) slot(bias, [layer.outputs]);
  }
  const many = kind === "many" ? [kind] : [];
  const { folded } = adapter;
  const own = (values: Float32Array) => values.subarray(0, adapter.layout.length);
  return {
    ...adapter,
    layout: extendedLayout(adapter.layout, slots, { before: [pooling, classes], after: many }),
    ...(adapter.stored
      ? { stored: storedWithHead(adapter.stored, adapter.layout.length, slots) }
      : {}),
    ...(folded ? { folded: (values) => folded(own(values)) } : {}),
    head: headOf(classes, kind, slots),
    initial(seed) {
      const values = new Float32Array(length);
      values.set(adapter.initial(seed));
      if (start === null) drawHead(values, slots, seed);
      else setHead(values, slots, start);
      return values;
    },
    trained: (schedule, round) => [...adapter.trained(schedule, round), ...slots],
    peftConfig: () => ({
      ...adapter.peftConfig(),
      // PEFT has a task for texts only, whose inputs it names.
      task_type: definition.image === undefined ? "SEQ_CLS" : null,
      modules_to_save: [...(adapter.saved ?? []), module],
    }),
  };
}

function headOf(
  classes: readonly string[],
  kind: LabelKind,
  slots: readonly TensorSlot[],
): ClassificationHead {
  return {
    classes,
    kind,
    weights: (values) =>
      new Map(
        slots.map((slot) => [
          slot.name.slice(IN_PEFT.length),
          { shape: slot.shape, data: slotView(values, slot) },
        ]),
      ),
  };
}

/** How an adapter of `length` numbers and the head behind it stand in PEFT's files. */
function storedWithHead(
  { layout, write, read }: StoredForm,
  length: number,
  slots: readonly TensorSlot[],
): StoredForm {
  const moved = slots.map((slot) => ({ ...slot, offset: slot.offset - length + layout.length }));
  const joined = (first: Float32Array, head: Float32Array) =>
    Float32Array.from([...first, ...head]);
  const size = slots.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return {
    layout: { ...layout, tensors: [...layout.tensors, ...moved], length: layout.length + size },
    write: (values) => joined(write(values.subarray(0, length)), values.subarray(length)),
    read: (written) =>
      joined(read(written.subarray(0, layout.length)), written.subarray(layout.length)),
  };
}

function setHead(values: Float32Array, slots: readonly TensorSlot[], start: HeadStart): void {
  for (const slot of slots) {
    const data = start.get(slot.name.slice(IN_PEFT.length));
    assert(data, `${slot.name} to begin with`);
    slotView(values, slot).set(data);
  }
}

/** Weights uniform with a deviation of 0.02, biases zero. */
function drawHead(values: Float32Array, slots: readonly TensorSlot[], seed: number): void {
  const random = seededRandom((seed ^ SEED_MASK) >>> 0);
  const bound = DEVIATION * Math.sqrt(3);
  for (const slot of slots) {
    if (slot.shape.length === 1) continue;
    const view = slotView(values, slot);
    for (let i = 0; i < view.length; i += 1) view[i] = (2 * random() - 1) * bound;
  }
}
