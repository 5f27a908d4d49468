import { concat, reshape, slice } from "../../graph/movement.ts";
import { expand } from "../../graph/reduction.ts";
import type { Graph, Value } from "../../graph/value.ts";
import { causalAttention, joinHeads, splitHeads } from "../../layers/attention.ts";
import { type Places, turnRows } from "../../layers/rotation.ts";
import type { Beginning, Sequences } from "./sequences.ts";

/** Called with a layer's rotated keys and its values, [batch, keyValueHeads, positions, headDim]. */
export type Observe = (layer: number, key: Value, value: Value) => void;

/**
 * `batch` whole sequences of `length` positions each below one another, every position seeing those before it.
 * `reach` is how many positions they will have in all, virtual tokens in front included: more than these where they
 * are a beginning, fewer where they end in padding.
 */
export function wholeSequences(
  batch: number,
  length: number,
  observe?: Observe,
  reach: (before: number) => number = (before) => before + length,
): Sequences {
  const plain = { batch, length, past: 0, reach: reach(0) };
  return {
    ...sequencesOf(plain, observe),
    after({ length: before, prompt, prefix }) {
      const total = { batch, length, past: before, reach: reach(before) };
      if (prompt === undefined) return sequencesOf(total, observe, prefix);
      return {
        ...sequencesOf({ ...total, length: before + length, past: 0 }, observe),
        insert: (rows) => insertRows(rows, prompt, batch, length),
        remove: (rows) => removeRows(rows, before, batch, length),
      };
    },
  };
}

/** Rows of `batch` sequences, `length` each, at the positions from `past` on. */
interface Rows {
  readonly batch: number;
  readonly length: number;
  readonly past: number;
  readonly reach: number;
}

function sequencesOf(rows: Rows, observe?: Observe, prefix?: Beginning["prefix"]): Sequences {
  const { batch, length, past } = rows;
  return {
    positions: (graph: Graph) => positionsOf(graph, batch, length, past),
    attend(layer, { query: q, key: k, value: v }, settings) {
      const { heads, keyValueHeads, headDim } = settings;
      const queryShape = { batch, length, heads, headDim };
      const keyShape = { batch, length, heads: keyValueHeads, headDim };
      const turned = (x: Value, factor: number) =>
        turnRows(x, placesOf(x.graph, rows), settings, factor);
      const query = splitHeads(turned(q, settings.scale), queryShape);
      const before = prefix?.(layer);
      const key = behind(before?.key, splitHeads(turned(k, 1), keyShape));
      const value = behind(before?.value, splitHeads(v, keyShape));
      observe?.(layer, key, value);
      const group = heads / keyValueHeads;
      const grouped = reshape(query, [batch, keyValueHeads, group * length, headDim]);
      const { window, cap } = settings;
      const attended = causalAttention(grouped, key, value, { group, past, window, cap });
      return joinHeads(attended, queryShape);
    },
  };
}

function placesOf(graph: Graph, { batch, length, past, reach }: Rows): Places {
  const places = { batch, length, reach, end: past + length };
  return past === 0 ? places : { ...places, positions: positionsOf(graph, 1, length, past) };
}

/** `past` to past + length - 1 for each of `batch` sequences, i64 [batch * length]. */
export function positionsOf(graph: Graph, batch: number, length: number, past = 0): Value {
  const data = BigInt64Array.from({ length: batch * length }, (_, i) =>
    BigInt(past + (i % length)),
  );
  const name = `positions${batch}x${length}+${past}`;
  return graph.constant(data, [batch * length], "i64", name);
}

/** `first` [heads, past, size] before `then` [batch, heads, length, size] of every sequence. */
function behind(first: Value | undefined, then: Value): Value {
  if (first === undefined) return then;
  const [batch = 1] = then.shape;
  return concat([expand(reshape(first, [1, ...first.shape]), [batch, ...first.shape]), then], 2);
}

/** `prompt` [before, width] before the `length` rows of every sequence. */
function insertRows(rows: Value, prompt: Value, batch: number, length: number): Value {
  const [before = 0, width = 0] = prompt.shape;
  const repeated = expand(reshape(prompt, [1, before, width]), [batch, before, width]);
  const joined = concat([repeated, reshape(rows, [batch, length, width])], 1);
  return reshape(joined, [batch * (before + length), width]);
}

/** The inverse: without the first `before` rows of every sequence. */
function removeRows(rows: Value, before: number, batch: number, length: number): Value {
  const [, width = 0] = rows.shape;
  const sequences = reshape(rows, [batch, before + length, width]);
  return reshape(slice(sequences, 1, before, before + length), [batch * length, width]);
}
