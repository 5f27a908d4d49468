import assert from "node:assert/strict";
import { mul } from "../../graph/elementwise.ts";
import { reshape } from "../../graph/movement.ts";
import { sizeOf } from "../../graph/value.ts";
import { makeLayout, slotView } from "../../layout/slots.ts";
import type { LinearLayer, ModelDefinition } from "../../models/definition.ts";
import type { Adapter, Fold } from "../adapter.ts";
import { scaleInputs, scaleOutputs } from "../merging/fold.ts";
import { COMMON_CONFIG } from "../peft/peft-config.ts";
import { chosenLayers, lastOfBlocks, peftTargets } from "../targets.ts";

export interface Ia3Options {
  /** Layers that are scaled; keys, values and the end of each block, as in the paper, when absent. */
  readonly targets?: readonly string[] | undefined;
  /** Those of them whose inputs are scaled instead of their outputs; the end of each block when absent. */
  readonly feedforward?: readonly string[] | undefined;
}

/**
 * IA3 (Liu et al. 2022, arXiv 2205.05638): the outputs of linear layers, or the inputs of those that end a feed-forward
 * block, times a learned vector that starts at one.
 *
 * @throws KlatchError `usage` for an unknown layer
 */
export function createIa3(definition: ModelDefinition, options: Ia3Options): Adapter {
  const ends = lastOfBlocks(definition);
  const { targets = ownTargets(definition) } = options;
  const chosen = chosenLayers(definition, targets);
  const named = options.feedforward;
  const inner = named === undefined ? [...ends] : namedLayers(definition, named);
  const inputs = new Set(inner.map(({ module }) => module));
  const isInput = ({ module }: LinearLayer) => inputs.has(module);
  const written = makeLayout(
    chosen.map((layer) => [
      tensorName(layer.module),
      isInput(layer) ? [1, layer.inputs] : [layer.outputs, 1],
    ]),
  );
  // Vectors for the optimiser, which lets matrices decay.
  const layout = makeLayout(written.tensors.map(({ name, shape }) => [name, [sizeOf(shape)]]));
  const feedforward = peftTargets(definition, chosen.filter(isInput));
  const others = peftTargets(
    definition,
    chosen.filter((layer) => !isInput(layer)),
  );
  return {
    settings: { kind: "ia3", targets, feedforward },
    layout,
    stored: { layout: written, write: (values) => values, read: (values) => values },
    initial: () => new Float32Array(layout.length).fill(1),
    trained: () => layout.tensors,
    adapt: (_graph, tensors) => ({
      linear(layer, x, frozen) {
        const vector = tensors.get(tensorName(layer.module));
        if (vector === undefined) return undefined;
        if (isInput(layer)) {
          return frozen.withBias(frozen.product(mul(x, reshape(vector, [1, layer.inputs]))));
        }
        return mul(frozen.withBias(frozen.product(x)), reshape(vector, [1, layer.outputs]));
      },
    }),
    folded(values) {
      const folds = new Map<string, Fold>();
      for (const [i, layer] of chosen.entries()) {
        const slot = layout.tensors[i];
        assert(slot !== undefined);
        const vector = slotView(values, slot);
        const scaled = isInput(layer) ? scaleInputs : scaleOutputs;
        folds.set(`${layer.module}.weight`, ({ data }) => scaled(data, layer, vector));
        if (!layer.bias || isInput(layer)) continue;
        folds.set(`${layer.module}.bias`, ({ data }) => data.map((x, k) => x * (vector[k] ?? 1)));
      }
      return folds;
    },
    peftConfig: () => ({
      ...COMMON_CONFIG,
      fan_in_fan_out: false,
      feedforward_modules: feedforward,
      init_ia3_weights: true,
      modules_to_save: null,
      peft_type: "IA3",
      target_modules: [...others, ...feedforward],
    }),
  };
}

function tensorName(module: string): string {
  return `base_model.model.${module}.ia3_l`;
}

function namedLayers(definition: ModelDefinition, names: readonly string[]) {
  return names.length === 0 ? [] : chosenLayers(definition, names);
}

function ownTargets(definition: ModelDefinition): readonly string[] {
  const names = ["k", "v"].filter((name) => Object.hasOwn(definition.shortTargets, name));
  // A fused projection has no keys and values of its own.
  if (names.length < 2) return ["all"];
  return [...names, ...peftTargets(definition, [...lastOfBlocks(definition)])];
}
