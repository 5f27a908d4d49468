import { KlatchError } from "../../errors.ts";
import type { BaseDType, EngineChoice } from "../../types.ts";
import { type BaseModel, loadBaseModel } from "../base/base-model.ts";
import { resolveModel } from "../base/resolve-model.ts";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/open-engine.ts";
import type { HubOptions } from "../files/hub/options.ts";
import { readConfigFile } from "../models/architectures/architectures.ts";
import { modelOfShape, randomModel } from "./random-model.ts";
import type { Shape } from "./shapes.ts";

/** What to measure, a model or random weights in its place, and on what. */
export interface BenchModelOptions {
  readonly model?: string;
  /** A random model of these sizes, or those of a model of this name. */
  readonly shape?: Shape;
  /** A config.json, for a random model of any architecture. */
  readonly config?: string;
  /** `onnx:cpu` unless said. */
  readonly engine?: EngineChoice;
  readonly threads: number;
  /** How the frozen linear layers are kept; `f32` unless said. */
  readonly dtype?: BaseDType;
  /** Start of the name of ONNX Runtime's profile files; slows the run down. */
  readonly profile?: string;
}

/** @throws KlatchError `usage` when one of `counts` is not a positive whole number */
export function checkCounts(counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new KlatchError("usage", `${name} ${value} is not possible`, "choose a positive number");
  }
}

/** @throws KlatchError `engine` when it cannot be had */
export async function benchEngine(options: BenchModelOptions): Promise<Engine> {
  const { engine: choice = "onnx:cpu", threads, profile } = options;
  const { engine } = await openEngine(choice, {
    threads,
    ...(profile === undefined ? {} : { profile }),
  });
  return engine;
}

/**
 * The model that the options name, which has room for `positions`.
 *
 * @throws KlatchError `usage` for an impossible shape, too many positions or a model that writes no text, else as the
 *   model deserves
 */
export async function benchModel(
  options: BenchModelOptions,
  positions: number,
  hub?: HubOptions,
): Promise<BaseModel> {
  const base = await namedModel(options, positions, hub);
  const { architecture, contextMax, head } = base.definition;
  if (head === null) {
    throw new KlatchError(
      "usage",
      `${architecture} writes no text`,
      "measure a model of another class",
    );
  }
  if (positions <= contextMax) return base;
  throw new KlatchError(
    "usage",
    `${positions} tokens are more than the model's context of ${contextMax}`,
    "choose fewer",
  );
}

async function namedModel(
  { model, shape, config }: BenchModelOptions,
  positions: number,
  hub?: HubOptions,
): Promise<BaseModel> {
  if (model !== undefined) return loadBaseModel((await resolveModel(model, hub)).folder);
  if (config !== undefined) return randomModel(await readConfigFile(config));
  if (shape !== undefined) return randomModel(modelOfShape(shape, positions));
  throw new KlatchError("usage", "nothing to measure", "give --model, --shape or --config");
}
