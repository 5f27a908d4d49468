import { createRequire } from "node:module";
import util from "node:util";
import type * as Core from "@tensorflow/tfjs-core";
import { KlatchError } from "../../../errors.ts";

export type TensorFlow = typeof Core;

/** `node` and `gpu` are TensorFlow's C library on the CPU and with CUDA, `wasm` and `cpu` need nothing native. */
export type TfjsBackend = "gpu" | "node" | "wasm" | "cpu";

const VERSION = "4.22.0";

/** The packages of each backend; the first one holds the operations. */
const PACKAGES: Readonly<Record<TfjsBackend, readonly [string, ...string[]]>> = {
  cpu: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"],
  wasm: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
  node: ["@tensorflow/tfjs-node"],
  gpu: ["@tensorflow/tfjs-node-gpu"],
};

/** TensorFlow.js's own name of each backend. */
const REGISTERED = { cpu: "cpu", wasm: "wasm", node: "tensorflow", gpu: "tensorflow" } as const;

/** A loaded backend. */
export interface LoadedBackend {
  readonly tf: TensorFlow;
  /** Makes the operations of `tf` run on this backend until another one is chosen. */
  choose(): Promise<void>;
}

/**
 * Loads a backend's packages and starts it.
 *
 * @param threads - threads within one operation, for `node` and `gpu` only: the others have one
 * @throws KlatchError `engine` when a package is missing or the backend does not start
 */
export async function loadBackend(backend: TfjsBackend, threads: number): Promise<LoadedBackend> {
  requireInstalled(backend);
  if (backend === "node" || backend === "gpu") prepareNative(threads);
  const [core, ...others] = PACKAGES[backend];
  const tf = (await load(backend, core)) as TensorFlow;
  for (const name of others) await load(backend, name);
  // Otherwise TensorFlow.js recommends its other packages on the console.
  tf.enableProdMode();
  const name = REGISTERED[backend];
  if (!(await tf.setBackend(name))) throw unusable(backend, "it did not start");
  if (backend === "wasm") refuseNullPointers(tf);
  if (backend === "gpu") expectDevice(tf);
  return {
    tf,
    async choose() {
      if (tf.getBackend() !== name) await tf.setBackend(name);
    },
  };
}

/**
 * Looks whether the packages of a backend are there, without loading them.
 *
 * @throws KlatchError `engine` when one is missing
 */
export function requireInstalled(backend: TfjsBackend): void {
  const missing = PACKAGES[backend].find((name) => !isInstalled(name));
  if (missing === undefined) return;
  const wanted = PACKAGES[backend].map((each) => `${each}@${VERSION}`).join(" ");
  throw new KlatchError(
    "engine",
    `the engine tfjs:${backend} needs the package ${missing}, which is not installed`,
    `npm install ${wanted}, or choose another engine: see docs/GPU.md`,
  );
}

/**
 * tfjs-node was written for earlier Nodes, and TensorFlow takes its threads from the environment: where that is a
 * thread's own copy, it takes every core. Its remarks on the processor are not for us.
 */
function prepareNative(threads: number): void {
  // tfjs-node calls it; Node 23 removed it.
  if (!("isNullOrUndefined" in util)) {
    Object.assign(util, { isNullOrUndefined: (x: unknown) => x === null || x === undefined });
  }
  const { TF_NUM_INTRAOP_THREADS = String(threads), TF_CPP_MIN_LOG_LEVEL = "2" } = process.env;
  Object.assign(process.env, { TF_NUM_INTRAOP_THREADS, TF_CPP_MIN_LOG_LEVEL });
}

async function load(backend: TfjsBackend, name: string): Promise<unknown> {
  try {
    const loaded: { readonly default?: unknown } = await import(name);
    return loaded.default ?? loaded;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw unusable(backend, text.split("\n")[0] ?? "", { cause });
  }
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

function unusable(
  backend: TfjsBackend,
  reason: string,
  options?: { readonly cause: unknown },
): KlatchError {
  const message = `the engine tfjs:${backend} cannot be used: ${reason}`;
  return new KlatchError("engine", message, "see docs/GPU.md, or choose another engine", options);
}

/** At its limit of 4 GiB the wasm heap answers with address 0, and TensorFlow.js would overwrite what is there. */
function refuseNullPointers(tf: TensorFlow): void {
  const { wasm } = tf.backend() as unknown as { readonly wasm: WasmHeap };
  // Emscripten's functions replace themselves when they are first called.
  wasm._free(wasm._malloc(1));
  const allocate = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) throw new RangeError("the 4 GiB of wasm memory are used up");
    return address;
  };
}

interface WasmHeap {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** tfjs-node-gpu runs on the CPU without a word when it finds no device. */
function expectDevice(tf: TensorFlow): void {
  const device = tf.backend() as unknown as { readonly isUsingGpuDevice?: boolean };
  if (device.isUsingGpuDevice !== true) throw unusable("gpu", "TensorFlow found no CUDA device");
}
