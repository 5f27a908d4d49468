import { mul, scale, sub } from "../../graph/elementwise.ts";
import { concat, reshape, slice } from "../../graph/movement.ts";
import type { Graph, Value } from "../../graph/value.ts";
import { causalAttention, joinHeads, splitHeads } from "../../layers/attention.ts";
import { turnRows } from "../../layers/rotation.ts";
import type { Sequences } from "./sequences.ts";

/** Far below every score, as `causalMask` has it. */
const HIDDEN = -1e9;

/**
 * `batch` rows of `length` positions with several texts in each, every position seeing those before it in its own
 * text alone: attention is block-diagonal (Krell et al. 2021, arXiv 2107.02027). Inputs `texts` f32 [batch, length],
 * the number of each position's text in its row, and `places` i64 [batch * length], the position in its text. No text
 * has more than `longest` positions.
 */
export function packedSequences(
  graph: Graph,
  batch: number,
  length: number,
  longest = length,
): Sequences {
  const texts = graph.input("texts", [batch, length], "f32");
  const places = graph.input("places", [batch * length], "i64");
  const masks = new Map<string, Value>();
  const apart = (start: number, end: number, group: number): Value => {
    const key = `${start}-${end}x${group}`;
    const mask = masks.get(key) ?? otherTexts(texts, start, end, group);
    masks.set(key, mask);
    return mask;
  };
  // Every row is turned by its own position, so all are one sequence to the rotation.
  const turned = {
    batch: 1,
    length: batch * length,
    reach: longest,
    end: length,
    positions: places,
  };
  return {
    positions: () => places,
    attend(_layer, { query, key, value }, settings) {
      const { heads, keyValueHeads, headDim, window, cap } = settings;
      const queryShape = { batch, length, heads, headDim };
      const keyShape = { ...queryShape, heads: keyValueHeads };
      const q = splitHeads(turnRows(query, turned, settings, settings.scale), queryShape);
      const k = splitHeads(turnRows(key, turned, settings, 1), keyShape);
      const group = heads / keyValueHeads;
      const grouped = reshape(q, [batch, keyValueHeads, group * length, headDim]);
      const options = { group, past: 0, window, cap, apart };
      return joinHeads(
        causalAttention(grouped, k, splitHeads(value, keyShape), options),
        queryShape,
      );
    },
  };
}

/**
 * An additive mask [batch, 1, group * queries, end] that hides what is of another text from the queries from `start`
 * to `end`.
 */
function otherTexts(texts: Value, start: number, end: number, group: number): Value {
  const [batch = 0] = texts.shape;
  const queries = reshape(slice(texts, 1, start, end), [batch, 1, end - start, 1]);
  const keys = reshape(slice(texts, 1, 0, end), [batch, 1, 1, end]);
  const difference = sub(queries, keys);
  const hidden = scale(mul(difference, difference), HIDDEN);
  return group === 1 ? hidden : concat(new Array<Value>(group).fill(hidden), 2);
}
