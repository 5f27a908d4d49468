import { KlatchError } from "../../../errors.ts";
import type { BaseModel } from "../../base/base-model.ts";
import { makeLayout, slotView } from "../../layout/slots.ts";
import type { ModelDefinition } from "../../models/definition.ts";
import type { Adapter } from "../adapter.ts";
import { loraConfig } from "../peft/peft-config.ts";
import { peftTargets } from "../targets.ts";
import { loraTensorName } from "./lora.ts";

/**
 * BitFit (Ben Zaken et al. 2022, arXiv 2106.10199): the biases of the model alone train; the adapter holds their
 * values. PEFT has them as LoRA with `bias: all`, so its file carries factors of rank 1 that are zero.
 *
 * @throws KlatchError `usage` when the model has no biases
 */
export function createBitfit(base: BaseModel): Adapter {
  const { definition } = base;
  const biases = [...definition.weights].filter(([name]) => name.endsWith(".bias"));
  const [carrier] = definition.linears;
  if (biases.length === 0 || carrier === undefined) throw noBiases(definition);
  const slotName = (name: string) => `base_model.model.${carried(name, carrier.module)}`;
  const layout = makeLayout(biases.map(([name, shape]) => [slotName(name), shape]));
  const { module, inputs, outputs } = carrier;
  const written = makeLayout([
    [loraTensorName(module, "A"), [1, inputs]],
    [loraTensorName(module, "B"), [outputs, 1]],
    ...layout.tensors.map(({ name, shape }) => [name, shape] as const),
  ]);
  const before = inputs + outputs;
  const slots = new Map(biases.map(([name], i) => [name, layout.tensors[i]]));
  return {
    settings: { kind: "bitfit" },
    layout,
    stored: {
      layout: written,
      write: (values) => Float32Array.from([...new Float32Array(before), ...values]),
      read(values) {
        if (values.subarray(0, before).every((x) => x === 0)) return values.slice(before);
        throw new KlatchError(
          "incompatible",
          "the adapter changes biases and linear layers both",
          "Klatch reads either alone",
        );
      },
    },
    initial() {
      const values = new Float32Array(layout.length);
      for (const [name, slot] of slots)
        if (slot) slotView(values, slot).set(base.tensor(name).data);
      return values;
    },
    trained: () => layout.tensors,
    adapt: (_graph, tensors) => ({
      weight(name) {
        const slot = slots.get(name);
        return slot && tensors.get(slot.name);
      },
    }),
    folded: (values) =>
      new Map(
        [...slots].flatMap(([name, slot]) => (slot ? [[name, () => slotView(values, slot)]] : [])),
      ),
    peftConfig: () => ({
      ...loraConfig({ rank: 1, alpha: 1, targets: peftTargets(definition, [carrier]) }),
      bias: "all",
    }),
  };
}

/** PEFT puts a layer that carries factors inside another, under `base_layer`. */
function carried(name: string, module: string): string {
  return name === `${module}.bias` ? `${module}.base_layer.bias` : name;
}

function noBiases({ architecture }: ModelDefinition): KlatchError {
  return new KlatchError(
    "usage",
    `this ${architecture} has no biases to train`,
    "choose an adapter of another kind, e.g. ia3",
  );
}
