import assert from "node:assert/strict";
import type { BaseDType } from "../../types.ts";
import type { FloatTensor } from "../files/safetensors.ts";
import type { Arrays, Graph, Value } from "../graph/value.ts";
import type { WeightSource } from "../models/make-blocks.ts";
import type { BaseModel } from "./base-model.ts";
import { type PackedDType, packWeights } from "./packed-weights.ts";

/** Weights up to this size are written into every program, which packs them once and runs faster. */
const COPY_BYTES_MAX = 128 << 20;
/** The engine packs a constant for the forward and for the backward product. */
const COPIES_PER_PROGRAM = 2;
/** Memory that all copies may take, and the number of programs that must be kept and may be kept. */
const COPIES_BYTES_MAX = 2 * 2 ** 30;
const PROGRAMS_MIN = 6;
const PROGRAMS_MAX = 24;

export interface FreezeOptions {
  readonly dtype?: BaseDType;
  readonly copyBytesMax?: number | undefined;
  /** See `Engine.soleCopyBytesMax`. */
  readonly soleCopyBytesMax?: number | undefined;
}

/**
 * The base model's weights as they enter programs: constants, or inputs that are fed at every run and cost no memory.
 */
export interface FrozenWeights extends WeightSource {
  /** What every run must be fed besides the program's own inputs. */
  readonly feeds: Arrays;
  /** Memory that the weights take as they are; see `GraphMemory.packed` for what programs add. */
  readonly bytes: number;
  /** How many programs with these weights to keep. */
  readonly programsMax: number;
  /** Weights that are fed, as constants for one program at a time; absent where that takes too much memory. */
  readonly copied?: WeightSource;
}

/**
 * Prepares a base model's weights for programs. Constants or fed depends on the size alone: the two round
 * differently, and the same step must give the same bytes whatever ran before.
 */
export function freeze(model: BaseModel, options: FreezeOptions = {}): FrozenWeights {
  const { dtype = "f32", copyBytesMax = COPY_BYTES_MAX, soleCopyBytesMax = 0 } = options;
  if (dtype !== "f32") return freezePacked(model, dtype);
  const bytes = model.parameters * Float32Array.BYTES_PER_ELEMENT;
  const copied = bytes <= copyBytesMax;
  const { aliases, weights } = model.definition;
  const tensors = new Map([...weights.keys()].map((name) => [name, model.tensor(name)]));
  const source = (
    as: (graph: Graph, name: string, tensor: FloatTensor) => Value,
  ): WeightSource => ({
    weight(graph, requested) {
      const name = aliases.get(requested) ?? requested;
      const tensor = tensors.get(name);
      assert.ok(tensor !== undefined, `a weight ${name}`);
      return as(graph, name, tensor);
    },
  });
  const constants = source((graph, name, { shape, data }) =>
    graph.constant(data, shape, "f32", name),
  );
  const inputs = source((graph, name, { shape }) => graph.input(name, shape, "f32"));
  if (copied) return { ...constants, feeds: {}, bytes, programsMax: affordablePrograms(bytes) };
  return {
    ...inputs,
    feeds: Object.fromEntries([...tensors].map(([name, { data }]) => [name, data])),
    bytes,
    programsMax: PROGRAMS_MAX,
    ...(bytes <= soleCopyBytesMax ? { copied: constants } : {}),
  };
}

function affordablePrograms(bytes: number): number {
  const affordable = Math.floor(COPIES_BYTES_MAX / (COPIES_PER_PROGRAM * bytes));
  return Math.min(Math.max(affordable, PROGRAMS_MIN), PROGRAMS_MAX);
}

/** Matrices in fewer bits, everything else fed as it is. */
function freezePacked(model: BaseModel, dtype: PackedDType): FrozenWeights {
  const packed = packWeights(model, dtype);
  const { names, product, rows, rowSquares } = packed;
  const { aliases, weights } = model.definition;
  const whole = [...weights.keys()].filter((name) => !names.has(name));
  const feeds = {
    ...packed.feeds,
    ...Object.fromEntries(whole.map((name) => [name, model.tensor(name).data])),
  };
  return {
    feeds,
    bytes: Object.values(feeds).reduce((total, { byteLength }) => total + byteLength, 0),
    programsMax: PROGRAMS_MAX,
    product,
    rows,
    rowSquares,
    weight(graph, requested) {
      const name = aliases.get(requested) ?? requested;
      const shape = weights.get(name);
      assert.ok(shape !== undefined && !names.has(name), `${name} is not packed`);
      return graph.input(name, shape, "f32");
    },
  };
}
