import { memory } from "@tensorflow/tfjs-core";
import type { Engine } from "../../../../src/training/engine/engine.ts";
import {
  createTfjsEngine,
  type TfjsBackend,
} from "../../../../src/training/engine/tfjs/tfjs-engine.ts";

const BACKENDS = ["cpu", "wasm", "node", "gpu"] as const;

/** Engines of this installation, and why it lacks the others. */
export const engines = new Map<TfjsBackend, Engine>();
export const refusals = new Map<TfjsBackend, Error>();
for (const backend of BACKENDS) {
  await createTfjsEngine(backend, { threads: 1 }).then(
    (engine) => engines.set(backend, engine),
    (error: Error) => refusals.set(backend, error),
  );
}

/** Tensors that exist in this process. */
export function tensors(): number {
  return memory().numTensors;
}
