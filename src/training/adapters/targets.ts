import { KlatchError } from "../../errors.ts";
import { type LinearLayer, type ModelDefinition, matchTarget } from "../models/definition.ts";

/**
 * The linear layers that `names` choose, in the model's order; "all" means every one.
 *
 * @throws KlatchError `usage` when a name fits no layer, or there is none
 */
export function chosenLayers(
  definition: ModelDefinition,
  names: readonly string[],
): readonly LinearLayer[] {
  const chosen = new Set<LinearLayer>();
  for (const name of names) {
    const matches = name === "all" ? definition.linears : matchTarget(definition, name);
    if (matches.length === 0) throw unknownTarget(definition, name);
    for (const layer of matches) chosen.add(layer);
  }
  if (chosen.size > 0) return definition.linears.filter((layer) => chosen.has(layer));
  throw new KlatchError(
    "usage",
    "the adapter has no target",
    "choose linear layers, e.g. q,v or all",
  );
}

function unknownTarget(definition: ModelDefinition, name: string): KlatchError {
  const short = Object.keys(definition.shortTargets);
  const known = short.length > 0 ? short : [...new Set(definition.linears.map(lastPart))];
  return new KlatchError(
    "usage",
    `${definition.architecture} has no linear layer "${name}"`,
    `choose among ${known.join(", ")}, or all`,
  );
}

const isEnd = (end: string, module: string) => module === end || module.endsWith(`.${end}`);
const lastPart = ({ module }: LinearLayer) => module.slice(module.lastIndexOf(".") + 1);

/** PEFT's `target_modules` for exactly these layers: the shortest ends of their paths that match no other layer. */
export function peftTargets(
  definition: ModelDefinition,
  layers: readonly LinearLayer[],
): readonly string[] {
  const wanted = new Set(layers);
  const names = layers.map((layer) => {
    const parts = layer.module.split(".");
    const ends = parts.map((_, i) => parts.slice(parts.length - 1 - i).join("."));
    return ends.find(
      (end) =>
        matchTarget(definition, end).every((each) => wanted.has(each)) &&
        !(definition.unadapted ?? []).some((other) => isEnd(end, other)),
    );
  });
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** The linear layer that ends each block: the one that leads out of the feed-forward part. */
export function lastOfBlocks({ linears }: ModelDefinition): ReadonlySet<LinearLayer> {
  return new Set(new Map(linears.map((linear) => [linear.layer, linear])).values());
}
