import { KlatchError } from "../../errors.ts";
import { ENGINE_NAMES, type EngineName } from "../../types.ts";
import { resolveModel } from "../base/resolve-model.ts";
import type { HubOptions } from "../files/hub/options.ts";
import {
  type EngineMeasurement,
  type EngineTask,
  gradientDifference,
} from "./engine-measurement.ts";
import { measureApart } from "./engine-process.ts";

export interface BenchEnginesOptions extends Omit<EngineTask, "folder"> {
  /** A model folder or a model of the hub. */
  readonly model: string;
  /** The engines to measure; `onnx:cpu` always is, the others are compared with it. */
  readonly engines: readonly EngineName[];
  /** Seconds after which an engine is given up. */
  readonly limit: number;
}

/** One engine on the common batch; what could not be measured is null. */
export interface EngineResult {
  readonly name: EngineName;
  readonly available: boolean;
  /** Why it is not available; null when it is. */
  readonly reason: string | null;
  readonly loss: number | null;
  /** The greatest difference from `onnx:cpu` of any gradient, relative to the greatest gradient. */
  readonly gradientError: number | null;
  readonly tokensPerSecond: number | null;
  /** The greatest resident size of the engine's process, in bytes. */
  readonly peakBytes: number | null;
}

const REFERENCE: EngineName = "onnx:cpu";

/**
 * Runs the same training step on one engine after the other, each in a process of its own.
 *
 * @throws KlatchError as the model deserves, or as `onnx:cpu` does, without which there is nothing to compare with
 */
export async function benchEngines(
  options: BenchEnginesOptions,
  hub?: HubOptions,
): Promise<readonly EngineResult[]> {
  const { folder } = await resolveModel(options.model, hub);
  const { model: _, engines, limit, ...settings } = options;
  const task: EngineTask = { ...settings, folder };
  const reference = await measureApart(REFERENCE, task, limit);
  if (reference instanceof KlatchError) throw reference;
  const results = [];
  for (const name of ENGINE_NAMES.filter((each) => each === REFERENCE || engines.includes(each))) {
    const measured = name === REFERENCE ? reference : await measureApart(name, task, limit);
    results.push(resultOf(name, measured, reference));
  }
  return results;
}

// --- internal ---

function resultOf(
  name: EngineName,
  measured: EngineMeasurement | KlatchError,
  reference: EngineMeasurement,
): EngineResult {
  if (measured instanceof KlatchError) {
    const nothing = { loss: null, gradientError: null, tokensPerSecond: null, peakBytes: null };
    return { name, available: false, reason: measured.message, ...nothing };
  }
  const { loss, tokensPerSecond, peakBytes } = measured;
  const gradientError = gradientDifference(measured.gradient, reference.gradient);
  return { name, available: true, reason: null, loss, gradientError, tokensPerSecond, peakBytes };
}
