import type { Shape } from "../graph/value.ts";
import type { LinearLayer } from "./definition.ts";

/** Collects the weights and linear layers of an architecture, in the order in which they are named. */
export class Inventory {
  readonly weights = new Map<string, Shape>();
  readonly linears: LinearLayer[] = [];

  /** A weight that is no linear layer's. */
  weight(name: string, shape: Shape): void {
    this.weights.set(name, shape);
  }

  /** Normalisations: `.weight` [width] of each and, where `bias`, `.bias`. */
  norms(names: readonly string[], width: number, bias = false): void {
    for (const name of names) {
      this.weights.set(`${name}.weight`, [width]);
      if (bias) this.weights.set(`${name}.bias`, [width]);
    }
  }

  /** A linear layer with its weight and bias; see {@link LinearLayer}. */
  linear(layer: LinearLayer): void {
    const { module, inputs, outputs, bias, inputsFirst } = layer;
    this.linears.push(layer);
    this.weights.set(`${module}.weight`, inputsFirst ? [inputs, outputs] : [outputs, inputs]);
    if (bias) this.weights.set(`${module}.bias`, [outputs]);
  }
}

/** Aliases for files that leave out `prefix`, as those saved from a class without a head do. */
export function withoutPrefix(
  weights: ReadonlyMap<string, Shape>,
  prefix: string,
): readonly (readonly [string, string])[] {
  return [...weights.keys()]
    .filter((name) => name.startsWith(prefix))
    .map((name) => [name.slice(prefix.length), name]);
}
