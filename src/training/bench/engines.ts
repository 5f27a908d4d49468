import { fork } from "node:child_process";
import { KlatchError } from "../../errors.ts";
import { ENGINE_NAMES, type EngineName } from "../../types.ts";
import { resolveModel } from "../base/resolve-model.ts";
import type { HubOptions } from "../files/hub/options.ts";
import type { ChildTask, FromChild } from "./engine-child.ts";
import type { EngineMeasurement, EngineTask } from "./engine-measurement.ts";

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
  const reference = await measure(REFERENCE, task, limit);
  if (reference instanceof KlatchError) throw reference;
  const results = [];
  for (const name of ENGINE_NAMES.filter((each) => each === REFERENCE || engines.includes(each))) {
    const measured = name === REFERENCE ? reference : await measure(name, task, limit);
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
  const gradientError = difference(measured.gradient, reference.gradient);
  return { name, available: true, reason: null, loss, gradientError, tokensPerSecond, peakBytes };
}

function difference(found: Float32Array, expected: Float32Array): number {
  let [apart, greatest] = [0, 0];
  for (const [i, x] of expected.entries()) {
    apart = Math.max(apart, Math.abs(x - (found[i] ?? Number.NaN)));
    greatest = Math.max(greatest, Math.abs(x));
  }
  return apart / greatest;
}

/** What a child measures, or why it does not; an engine that ends its process or never ends is an error like others. */
function measure(
  name: EngineName,
  task: EngineTask,
  limit: number,
): Promise<EngineMeasurement | KlatchError> {
  // The child has this file's extension: .ts in a checkout, .js when built.
  const file = new URL(`./engine-child${import.meta.url.slice(-3)}`, import.meta.url);
  const child = fork(file, {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const said = lastLine(child.stderr);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(trouble(name, `took longer than ${limit} s`));
      child.kill("SIGKILL");
    }, 1000 * limit);
    child.once("message", (message: FromChild) => {
      if ("measured" in message) return resolve(message.measured);
      const { code, message: text, hint } = message.failed;
      resolve(new KlatchError(code === "stopped" ? "internal" : code, text, hint));
    });
    child.once("error", (error) => resolve(trouble(name, error.message)));
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve(trouble(name, `ended its process (${signal ?? `exit code ${code}`}): ${said()}`));
    });
    child.send({ name, task } satisfies ChildTask);
  });
}

function trouble(name: EngineName, what: string): KlatchError {
  return new KlatchError("engine", `${name} ${what}`, "take another --engine");
}

/** The last line that a stream said, for a process that says nothing else before its end. */
function lastLine(stream: NodeJS.ReadableStream | null): () => string {
  let tail = "";
  stream?.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString("utf8")).slice(-4096);
  });
  return () => tail.trim().split("\n").at(-1) ?? "";
}
