import { KlatchError } from "../../errors.ts";
import type { TensorSlot } from "../../types.ts";
import type { BaseModel } from "../base/base-model.ts";
import { sizeOf } from "../graph/value.ts";
import { extendedLayout, slotView } from "../layout/slots.ts";
import type { ModelDefinition } from "../models/definition.ts";
import type { Adapter } from "./adapter.ts";

/** A weight of the model that an adapter has its own of. */
interface WholeWeight {
  readonly slot: TensorSlot;
  /** The weight whose place it takes; null for a head that the model ties to its embedding. */
  readonly own: string | null;
  /** Its name in the model's files. */
  readonly stored: string;
}

/**
 * `adapter` with weights of the model that train whole and lie behind it, which PEFT calls `modules_to_save`, most
 * often the output head. A head that is tied to the embedding is one of its own from then on.
 *
 * @param names of weights in Hugging Face's files, e.g. `lm_head.weight`
 * @throws KlatchError `incompatible` for a weight that the model does not have
 */
export function withWholeWeights(
  adapter: Adapter,
  base: BaseModel,
  names: readonly string[],
): Adapter {
  if (names.length === 0) return adapter;
  const { layout, folded } = adapter;
  let { length } = layout;
  const whole = names.map((stored): WholeWeight => {
    const { own, shape } = placeOf(base.definition, stored);
    const slot = { name: `base_model.model.${stored}`, shape, offset: length };
    length += sizeOf(shape);
    return { slot, own, stored };
  });
  const slots = whole.map(({ slot }) => slot);
  const tiedHead = whole.find(({ own }) => own === null);
  const byName = new Map(
    whole.flatMap((each) => (each.own === null ? [] : [[each.own, each.slot]])),
  );
  const saved = names.map((name) => name.slice(0, name.lastIndexOf(".")));
  const inner = (values: Float32Array) => values.subarray(0, layout.length);
  return {
    ...adapter,
    settings: { ...adapter.settings, whole: names } as Adapter["settings"],
    layout: extendedLayout(layout, slots),
    initial(seed) {
      const values = new Float32Array(length);
      values.set(adapter.initial(seed));
      for (const { slot, stored } of whole) slotView(values, slot).set(base.tensor(stored).data);
      return values;
    },
    trained: (schedule, round) => [...adapter.trained(schedule, round), ...slots],
    adapt(graph, tensors) {
      const adapted = adapter.adapt(graph, tensors);
      const inGraph = (slot: TensorSlot | undefined) => slot && tensors.get(slot.name);
      return {
        ...adapted,
        weight: (name) => inGraph(byName.get(name)) ?? adapted.weight?.(name),
        head: inGraph(tiedHead?.slot),
      };
    },
    ...(folded
      ? {
          folded: (values) =>
            new Map([
              ...folded(inner(values)),
              ...[...byName].map(([name, slot]) => [name, () => slotView(values, slot)] as const),
            ]),
        }
      : {}),
    ...(tiedHead
      ? {
          ownHead: (values) => ({
            name: tiedHead.stored,
            tensor: { shape: tiedHead.slot.shape, data: slotView(values, tiedHead.slot) },
          }),
        }
      : {}),
    saved,
    peftConfig: () => ({ ...adapter.peftConfig(), modules_to_save: saved }),
  };
}

// --- internal ---

function placeOf({ aliases, weights, head, embedding }: ModelDefinition, stored: string) {
  const name = aliases.get(stored) ?? stored;
  const shape = weights.get(name);
  if (shape === undefined) {
    throw new KlatchError(
      "incompatible",
      `the adapter has its own ${stored}, which the model does not have`,
      "use the base model that the adapter was trained with",
    );
  }
  const isTiedHead =
    name !== stored && name === embedding && head === embedding && !endsAlike(stored, name);
  return { own: isTiedHead ? null : name, shape };
}

/** Whether one name is the other without a prefix, as files saved from a class without a head have them. */
const endsAlike = (a: string, b: string) => a.endsWith(b) || b.endsWith(a);
