import assert from "node:assert/strict";
import { computationOrder, gradients, operands } from "./gradient.ts";
import { after } from "./ordering.ts";
import type { Value } from "./value.ts";

/**
 * `gradients` that keep less. The values between two of the graph's marks are not kept: they are computed again from
 * the former mark when the backward pass has come to the latter (Chen et al. 2016, arXiv 1604.06174). What lies
 * before the first mark or after the last is kept. The numbers are the same: the same operations on the same numbers.
 */
export function recomputedGradients(loss: Value, wanted: readonly Value[]): readonly Value[] {
  const { segments: marks } = loss.graph;
  const found = gradients(loss, [...wanted, ...marks]);
  const results = found.slice(0, wanted.length);
  const forward = new ForwardPass(loss, marks);
  const ends = endingsOf(results, forward);
  // What must be there before a segment begins again: the gradient of its end, and all that only later segments make.
  const waitsFor = (mark: Value): readonly Value[] => {
    const next = forward.segmentOf(mark) + 1;
    const gradient = found[wanted.length + next];
    return [...(gradient === undefined ? [] : [gradient]), ...(ends.get(next) ?? [])];
  };
  const sources = (value: Value): readonly Value[] => {
    if (forward.keeps(value)) return [];
    return forward.isMark(value) ? waitsFor(value) : operands(value);
  };
  const renewed = new Map<Value, Value>();
  const renew = (value: Value): Value => {
    const made = renewed.get(value);
    assert.ok(made !== undefined, `${value.op} renewed before its uses`);
    return made;
  };
  for (const value of computationOrder(results, sources)) {
    if (forward.keeps(value)) renewed.set(value, value);
    else if (forward.isMark(value)) renewed.set(value, after(value, waitsFor(value).map(renew)));
    else renewed.set(value, withInputs(value, operands(value).map(renew)));
  }
  return results.map(renew);
}

// --- internal ---

const NEVER = Number.POSITIVE_INFINITY;

/** The values that the loss is computed from, each with the segment that it lies in. */
class ForwardPass {
  readonly #segments = new Map<Value, number>();
  readonly #kept = new Set<Value>();
  readonly #marks: ReadonlySet<Value>;
  readonly #last: number;

  constructor(loss: Value, marks: readonly Value[]) {
    this.#marks = new Set(marks);
    this.#last = marks.length - 1;
    for (const value of computationOrder([loss])) {
      const inputs = operands(value).map((input) => [input, this.segmentOf(input)] as const);
      const segment = this.isMark(value)
        ? marks.indexOf(value)
        : Math.max(-1, ...inputs.map(([, at]) => at));
      this.#segments.set(value, segment);
      // A later segment may use more than its mark.
      if (this.isMark(value)) continue;
      for (const [input, at] of inputs) if (at !== segment) this.#kept.add(input);
    }
  }

  isMark(value: Value): boolean {
    return this.#marks.has(value);
  }

  has(value: Value): boolean {
    return this.#segments.has(value);
  }

  /** The last mark that `value` is computed from, counted from 0; -1 where there is none. */
  segmentOf(value: Value): number {
    return this.#segments.get(value) ?? -1;
  }

  /** Whether the backward pass takes `value` as the forward pass has made it. */
  keeps(value: Value): boolean {
    if (!this.has(value)) return false;
    const segment = this.segmentOf(value);
    return segment < 0 || segment === this.#last || (this.#kept.has(value) && !this.isMark(value));
  }
}

/** The values of `results` by the earliest segment that they are computed from: it is the last that they wait for. */
function endingsOf(
  results: readonly Value[],
  forward: ForwardPass,
): ReadonlyMap<number, readonly Value[]> {
  const earliest = new Map<Value, number>();
  for (const value of computationOrder(results)) {
    const inputs = operands(value).map((input) => earliest.get(input) ?? NEVER);
    const segment = forward.has(value) ? forward.segmentOf(value) : Math.min(NEVER, ...inputs);
    earliest.set(value, segment < 0 ? NEVER : segment);
  }
  return Map.groupBy(results, (value) => earliest.get(value) ?? NEVER);
}

/** The same operation on other inputs. */
function withInputs(value: Value, inputs: readonly Value[]): Value {
  const [only] = inputs;
  if (value.op === "custom" && only !== undefined) return only;
  if (inputs.every((input, i) => input === value.inputs[i])) return value;
  const { op, shape, dtype, attributes } = value;
  return value.graph.value({ op, inputs, shape, dtype, attributes });
}
