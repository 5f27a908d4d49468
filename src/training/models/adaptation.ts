import type { Value } from "../graph/value.ts";
import type { LinearLayer } from "./definition.ts";
import type { Beginning } from "./sequences/sequences.ts";

/** A frozen linear layer in a graph. */
export interface FrozenLinear {
  /** x [rows, inputs] times the matrix, without the bias: [rows, outputs]. */
  product(x: Value): Value;
  /** y [rows, outputs] with the bias, where the layer has one. */
  withBias(y: Value): Value;
  /** The squared norm of each output's row; undefined where the matrix is the base model's own, not a rounded one. */
  rowSquares(): Float64Array | undefined;
}

/** What an adapter changes while a model's graph is built. */
export interface Adaptation {
  /** Linear layer `layer` of x [rows, inputs] as adapted, [rows, outputs]; undefined leaves it as it is. */
  linear?(layer: LinearLayer, x: Value, frozen: FrozenLinear): Value | undefined;
  readonly beginning?: Beginning;
  /** What takes the place of a frozen weight; undefined leaves it. */
  weight?(name: string): Value | undefined;
  /** The output head of a model that ties it to its embedding; undefined leaves it tied. */
  readonly head?: Value | undefined;
}
