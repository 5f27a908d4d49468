import { scale } from "../graph/elementwise.ts";
import { gatherRows } from "../graph/indexing.ts";
import { concat, reshape, slice } from "../graph/movement.ts";
import { rope } from "../graph/rope.ts";
import { type DType, floats, type Graph, type Value } from "../graph/value.ts";

/** Rotary position embedding of an attention layer (Su et al. 2021, arXiv 2104.09864). */
export interface Rotation {
  /** Angle per position of each pair of numbers; twice their number may be less than a head's size. */
  readonly frequencies: readonly number[];
  /** What the rotated numbers are multiplied by (YaRN); usually 1. */
  readonly magnitude: number;
  /** What sequences of more than `after` positions use instead (LongRoPE). */
  readonly beyond?: { readonly after: number; readonly frequencies: readonly number[] };
}

/** The rotation of a sequence that will have `reach` positions in all. */
function rotationFor(reach: number, rotation: Rotation): Rotation {
  const { beyond, magnitude } = rotation;
  if (beyond === undefined || reach <= beyond.after) return rotation;
  return { frequencies: beyond.frequencies, magnitude };
}

/** The plain frequencies theta^(-2 i / size) of `size` rotated numbers. */
export function plainRotation(size: number, theta: number): Rotation {
  const frequencies = Array.from({ length: size / 2 }, (_, i) => 1 / theta ** ((2 * i) / size));
  return { frequencies, magnitude: 1 };
}

/** Cosines and sines of positions 0 to length - 1, [length, pairs] each, as constants of the graph. */
function tables(
  graph: Graph,
  { frequencies, magnitude }: Rotation,
  length: number,
  factor: number,
  dtype: DType,
): readonly [Value, Value] {
  const name = `${length}x${factor * magnitude}:${frequencies.join()}`;
  const make = (kind: string, of: (angle: number) => number) => {
    const values = Array.from({ length }, (_, position) =>
      frequencies.map((frequency) => of(position * frequency) * factor * magnitude),
    ).flat();
    const shape = [length, frequencies.length];
    return graph.constant(floats(dtype, values), shape, dtype, `${kind}${name}`);
  };
  return [make("cosine", Math.cos), make("sine", Math.sin)];
}

/** Where the rows [batch * length, width] of sequences stand. */
export interface Places {
  readonly batch: number;
  readonly length: number;
  /** How many positions the sequences will have in all. */
  readonly reach: number;
  /** The positions are below this. */
  readonly end: number;
  /** i64 [length]; absent when the rows are at 0, 1, 2 and so on. */
  readonly positions?: Value;
}

/** Rows [batch * length, heads * headDim] rotated by their positions where a layer rotates, times `factor`. */
export function turnRows(
  x: Value,
  { batch, length, reach, end, positions }: Places,
  { rotation, headDim }: { readonly rotation?: Rotation; readonly headDim: number },
  factor: number,
): Value {
  if (rotation === undefined) return factor === 1 ? x : scale(x, factor);
  const [, width = 0] = x.shape;
  const at = positions === undefined ? {} : { positions };
  const turn = { headDim, factor, tableLength: end, ...at };
  const turned = rotate(reshape(x, [batch, length, width]), rotationFor(reach, rotation), turn);
  return reshape(turned, x.shape);
}

/** What to turn: x [batch, length, heads * headDim], at `positions` of a table of `tableLength`, or all from 0. */
export interface Turn {
  readonly headDim: number;
  /** Multiplies the result; folding attention's scale into the rotation saves a pass. */
  readonly factor: number;
  readonly tableLength: number;
  /** i64 [length]; absent when the rows are at 0, 1, 2 and so on. */
  readonly positions?: Value;
}

/** x with the heads' first 2 * pairs numbers rotated, all times `factor`. */
export function rotate(x: Value, rotation: Rotation, turn: Turn): Value {
  const { headDim, factor, tableLength, positions } = turn;
  const [cosines, sines] = tables(x.graph, rotation, tableLength, factor, x.dtype);
  const at = (table: Value) => (positions === undefined ? table : gatherRows(table, positions));
  const size = 2 * rotation.frequencies.length;
  if (size === headDim) return rope(x, at(cosines), at(sines));
  const [batch = 0, length = 0, width = 0] = x.shape;
  const heads = width / headDim;
  const split = reshape(x, [batch, length, heads, headDim]);
  const turned = rope(
    reshape(slice(split, 3, 0, size), [batch, length, heads * size]),
    at(cosines),
    at(sines),
  );
  const rest = slice(split, 3, size, headDim);
  const scaled = factor === 1 ? rest : scale(rest, factor);
  return reshape(concat([reshape(turned, [batch, length, heads, size]), scaled], 3), [
    batch,
    length,
    width,
  ]);
}
