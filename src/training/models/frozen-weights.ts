import type { Arrays } from "../engine/engine.ts";
import type { BaseModel } from "../files/base-model.ts";
import type { Graph, Value } from "../graph/value.ts";

/** Weights up to this size are copied into every program, which packs them once and runs faster. */
const COPY_BYTES_MAX = 128 << 20;
/** The engine keeps about three copies of a constant: as read, and packed for the forward and the backward product. */
const COPIES_PER_PROGRAM = 3;
/** Memory that all copies may take, and the number of programs that must be kept and may be kept. */
const COPIES_BYTES_MAX = 2 * 2 ** 30;
const PROGRAMS_MIN = 6;
const PROGRAMS_MAX = 24;

/** The base model's weights as they enter programs. */
export interface FrozenWeights {
  /** Weight `name` as a value of `graph`: a constant, or an input that is fed at every run and costs no memory. */
  weight(graph: Graph, name: string): Value;
  /** What every run must be fed besides the program's own inputs. */
  readonly feeds: Arrays;
  /** How many programs with these weights to keep. */
  readonly programsMax: number;
}

/**
 * Prepares a base model's weights for programs. Copied or fed depends on the size alone: the two round differently, and
 * the same step must give the same bytes whatever ran before.
 */
export function freeze(model: BaseModel, copyBytesMax = COPY_BYTES_MAX): FrozenWeights {
  const bytes = model.parameters * Float32Array.BYTES_PER_ELEMENT;
  const copied = bytes <= copyBytesMax;
  const names = copied ? [] : [...model.definition.weights.keys()];
  const affordable = Math.floor(COPIES_BYTES_MAX / (COPIES_PER_PROGRAM * bytes));
  return {
    feeds: Object.fromEntries(names.map((name) => [name, model.tensor(name).data])),
    programsMax: copied ? Math.min(Math.max(affordable, PROGRAMS_MIN), PROGRAMS_MAX) : PROGRAMS_MAX,
    weight(graph, requested) {
      const name = model.definition.aliases.get(requested) ?? requested;
      const { shape, data } = model.tensor(name);
      return copied ? graph.constant(data, shape, "f32", name) : graph.input(name, shape, "f32");
    },
  };
}
