import { KlatchError } from "../../errors.ts";
import type { EngineChoice, EngineName } from "../../types.ts";
import { scale } from "../graph/elementwise.ts";
import { Graph } from "../graph/value.ts";
import type { Engine, Program } from "./engine.ts";
import { hasCudaProvider, type OnnxProviderName } from "./onnx-providers.ts";
import { hasGraphicsDevice, isSoftwareAdapter } from "./software-adapter.ts";
import { requireInstalled, type TfjsBackend } from "./tfjs/backends.ts";
import { checkTrialStep } from "./trial-step.ts";

export interface EngineOptions {
  /** CPU threads within one operation, at least 1. */
  readonly threads: number;
  /** Write ONNX Runtime's profile of every session to files starting with this; for measuring. */
  readonly profile?: string;
}

/** One engine: how it is opened, and what may speak against it. */
interface Entry {
  /** Throws why the engine cannot work on this machine, where that is known without loading a driver. */
  readonly check?: () => void;
  /** Throws why `auto` passes the engine over. An engine that is asked for by name is opened all the same. */
  readonly prefer?: (engine: Engine) => Promise<void>;
  readonly open: (options: EngineOptions) => Promise<Engine>;
}

const ENGINES: Readonly<Record<EngineName, Entry>> = {
  "onnx:cpu": { open: (options) => openOnnx("cpu", options) },
  "onnx:webgpu": {
    prefer: refuseSoftware,
    open: (options) => openOnnx("webgpu", options),
  },
  "onnx:cuda": {
    check: requireCudaProvider,
    open: (options) => openOnnx("cuda", options),
  },
  "tfjs:gpu": tfjs("gpu"),
  "tfjs:node": tfjs("node"),
  "tfjs:wasm": tfjs("wasm"),
  "tfjs:cpu": tfjs("cpu"),
};

/** The order in which `auto` tries; the CPU is always there. */
const AUTO: readonly EngineName[] = ["onnx:cuda", "onnx:webgpu", "onnx:cpu"];

/** An engine that `auto` did not take. */
export interface PassedOver {
  readonly name: EngineName;
  readonly reason: string;
}

export interface OpenedEngine {
  readonly engine: Engine;
  /** What `auto` tried before. */
  readonly passedOver: readonly PassedOver[];
}

/**
 * Opens an engine by name. `auto` takes the first engine that passes a real training step; it passes over WebGPU
 * devices that the CPU computes.
 *
 * @throws KlatchError `engine` when no engine can be had
 */
export async function openEngine(
  choice: EngineChoice,
  options: EngineOptions,
): Promise<OpenedEngine> {
  if (choice !== "auto")
    return { engine: await openNamed(ENGINES[choice], options), passedOver: [] };
  const passedOver: PassedOver[] = [];
  for (const name of AUTO) {
    try {
      return { engine: await openTried(ENGINES[name], options), passedOver };
    } catch (error) {
      passedOver.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  const reasons = passedOver.map(({ name, reason }) => `${name}: ${reason}`);
  throw new KlatchError(
    "engine",
    `no engine works here: ${reasons.join("; ")}`,
    "reinstall klatch",
  );
}

/** Why an engine is not to be had on this machine, where that is known without loading it. */
export function absenceOf(name: EngineName): KlatchError | null {
  try {
    ENGINES[name].check?.();
    if (name === "onnx:webgpu") requireGraphicsDevice();
    return null;
  } catch (error) {
    if (error instanceof KlatchError) return error;
    throw error;
  }
}

// --- internal ---

function tfjs(backend: TfjsBackend): Entry {
  return {
    check: () => requireInstalled(backend),
    open: (options) => openTfjs(backend, options),
  };
}

/** Threads without a learner go without the native library. */
async function openOnnx(provider: OnnxProviderName, options: EngineOptions): Promise<Engine> {
  const { createOnnxEngine } = await import("./onnx-engine.ts");
  return createOnnxEngine({ ...options, provider });
}

/** TensorFlow.js is an optional package, and slow to load. */
async function openTfjs(backend: TfjsBackend, { threads }: EngineOptions): Promise<Engine> {
  const { createTfjsEngine } = await import("./tfjs/tfjs-engine.ts");
  return createTfjsEngine(backend, { threads });
}

/** Opens an engine that passes `check`; one that does not is closed. */
async function openChecked(
  entry: Entry,
  options: EngineOptions,
  check: (engine: Engine) => Promise<void>,
): Promise<Engine> {
  entry.check?.();
  const engine = await entry.open(options);
  try {
    await check(engine);
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Opens the device now, so that a missing driver shows here and not in the middle of something. */
function openNamed(entry: Entry, options: EngineOptions): Promise<Engine> {
  return openChecked(entry, options, async (engine) => {
    await (await compileSmallest(engine)).close();
  });
}

function openTried(entry: Entry, options: EngineOptions): Promise<Engine> {
  return openChecked(entry, options, async (engine) => {
    await entry.prefer?.(engine);
    await checkTrialStep(engine);
  });
}

function requireCudaProvider(): void {
  if (hasCudaProvider()) return;
  throw new KlatchError(
    "engine",
    "onnxruntime-node is installed without its CUDA provider",
    "see docs/GPU.md for what to install, or take another --engine",
  );
}

/**
 * Refuses a device that the CPU computes: a whole training step would take seconds on it. Which device it is shows
 * once a program is open.
 */
async function refuseSoftware(engine: Engine): Promise<void> {
  requireGraphicsDevice();
  const program = await compileSmallest(engine);
  try {
    if (isSoftwareAdapter()) throw software("its only device is computed by the CPU");
  } finally {
    await program.close();
  }
}

function requireGraphicsDevice(): void {
  if (!hasGraphicsDevice()) throw software("this machine has no graphics device");
}

function compileSmallest(engine: Engine): Promise<Program> {
  return engine.compile({ y: scale(new Graph().input("x", [1], "f32"), 2) });
}

function software(reason: string): KlatchError {
  return new KlatchError("engine", reason, "take --engine onnx:webgpu to use it all the same");
}
