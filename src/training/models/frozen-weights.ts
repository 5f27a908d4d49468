import type { Arrays } from "../engine/engine.ts";
import type { BaseModel } from "../files/base-model.ts";
import type { Graph, Value } from "../graph/value.ts";
import { headName } from "./llama.ts";

/** Above this many bytes a model's weights are fed to every program instead of copied into each. */
const EMBED_BYTES_MAX = 64 << 20;

/** The base model's weights as they enter programs. */
export interface FrozenWeights {
  /** Weight `name` as a value of `graph`: a constant, which the engine packs once, or an input. */
  weight(graph: Graph, name: string): Value;
  /** What every run must be fed besides the program's own inputs. */
  readonly feeds: Arrays;
}

/** Weights of small models become constants of each program; weights of big ones stay in memory once and are fed. */
export function freeze(model: BaseModel, embedBytesMax = EMBED_BYTES_MAX): FrozenWeights {
  const embedded = model.parameters * Float32Array.BYTES_PER_ELEMENT <= embedBytesMax;
  const feeds: Record<string, Float32Array> = {};
  return {
    feeds,
    weight(graph, requested) {
      const name = requested === "lm_head.weight" ? headName(model.config) : requested;
      const { shape, data } = model.tensor(name);
      if (!embedded) {
        feeds[name] = data;
        return graph.input(name, shape, "f32");
      }
      return graph.constant(data, shape, "f32", name);
    },
  };
}
