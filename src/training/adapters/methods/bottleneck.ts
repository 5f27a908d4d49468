import { seededRandom } from "../../../random.ts";
import { add, mul, sigmoid } from "../../graph/elementwise.ts";
import { linear as linearOf } from "../../graph/matmul.ts";
import type { Value } from "../../graph/value.ts";
import { makeLayout, slotView } from "../../layout/slots.ts";
import type { LinearLayer, ModelDefinition } from "../../models/definition.ts";
import type { Adapter } from "../adapter.ts";
import { COMMON_CONFIG } from "../peft/peft-config.ts";
import { chosenLayers, lastOfBlocks, peftTargets } from "../targets.ts";

export interface BottleneckOptions {
  /** Width of the bottleneck. */
  readonly size: number;
  /** Layers whose outputs pass through one; the end of each block when absent, as Pfeiffer et al. place it. */
  readonly targets?: readonly string[] | undefined;
}

const PARTS = ["down.weight", "down.bias", "up.weight", "up.bias"] as const;
type Part = (typeof PARTS)[number];

/**
 * Bottleneck adapters (Houlsby et al. 2019, arXiv 1902.00751; Pfeiffer et al. 2020, arXiv 2005.00247): the output h
 * of a sublayer becomes h + up(swish(down(h))) before it joins the residual stream. PEFT has no such type: the folder
 * has its layout, with `peft_type: BOTTLENECK` and names of our own.
 *
 * @throws KlatchError `usage` for an unknown layer
 */
export function createBottleneck(
  definition: ModelDefinition,
  { size, targets }: BottleneckOptions,
): Adapter {
  const layers =
    targets === undefined ? [...lastOfBlocks(definition)] : chosenLayers(definition, targets);
  const layout = makeLayout(
    layers.flatMap((layer) =>
      PARTS.map((part) => [tensorName(layer, part), shapeOf(layer, part, size)]),
    ),
  );
  const names = peftTargets(definition, layers);
  return {
    settings: { kind: "bottleneck", size, targets: names },
    layout,
    /** `down` as PyTorch starts a linear layer, the rest zero. */
    initial(seed) {
      const values = new Float32Array(layout.length);
      const random = seededRandom(seed);
      for (const slot of layout.tensors) {
        if (!slot.name.endsWith("down.weight")) continue;
        const bound = 1 / Math.sqrt(slot.shape[1] ?? 1);
        const view = slotView(values, slot);
        for (let i = 0; i < view.length; i += 1) view[i] = (2 * random() - 1) * bound;
      }
      return values;
    },
    trained: () => layout.tensors,
    adapt: (_graph, tensors) => ({
      linear(layer, x, frozen) {
        const part = (name: Part) => tensors.get(tensorName(layer, name));
        const [down, downBias, up, upBias] = PARTS.map(part);
        if (!down || !downBias || !up || !upBias) return undefined;
        const h = frozen.withBias(frozen.product(x));
        const inner = swish(add(linearOf(h, down), downBias));
        return add(h, add(linearOf(inner, up), upBias));
      },
    }),
    peftConfig: () => ({
      ...COMMON_CONFIG,
      bottleneck_size: size,
      non_linearity: "swish",
      peft_type: "BOTTLENECK",
      target_modules: names,
    }),
  };
}

function tensorName({ module }: LinearLayer, part: Part): string {
  return `base_model.model.${module}.bottleneck_${part}`;
}

function shapeOf({ outputs }: LinearLayer, part: Part, size: number): readonly number[] {
  const shapes = {
    "down.weight": [size, outputs],
    "down.bias": [size],
    "up.weight": [outputs, size],
    "up.bias": [outputs],
  };
  return shapes[part];
}

/** x / (1 + exp(-x)) */
function swish(x: Value): Value {
  return mul(x, sigmoid(x));
}
