import { AssertionError } from "node:assert";
import { KlatchError } from "../../../errors.ts";
import { computationOrder } from "../../graph/gradient.ts";
import type { Arrays, TypedArray, Value } from "../../graph/value.ts";
import type { Engine, Program } from "../engine.ts";
import { loadBackend, type TfjsBackend } from "./backends.ts";
import { COMMON_RULES, rewrite, WASM_RULES } from "./rewrites.ts";
import { KeptTensors } from "./tensors.ts";
import { TfjsProgram } from "./tfjs-program.ts";

export type { TfjsBackend } from "./backends.ts";

export interface TfjsEngineOptions {
  /** Threads within one operation, at least 1. For `node` and `gpu` only: `wasm` and `cpu` have one. */
  readonly threads: number;
}

/**
 * TensorFlow.js 4.22, whose packages are loaded now. float32 only; integers must fit in 32 bits. Operations block the
 * calling thread.
 *
 * @throws KlatchError `engine` when a package is missing or the backend does not start
 */
export async function createTfjsEngine(
  backend: TfjsBackend,
  options: TfjsEngineOptions,
): Promise<Engine> {
  const loaded = await loadBackend(backend, options.threads);
  const kept = new KeptTensors();
  return {
    name: `tfjs:${backend}`,
    async compile(outputs) {
      expectSingle(outputs);
      await loaded.choose();
      try {
        const rules = backend === "wasm" ? WASM_RULES : COMMON_RULES;
        return guarded(new TfjsProgram(loaded, rewrite(outputs, rules), kept));
      } catch (cause) {
        throw failure(cause);
      }
    },
    // The others have no device of their own, and wasm is faster with weights that it can prepare.
    ...(backend === "node" || backend === "gpu"
      ? { keep: (arrays: Iterable<TypedArray>) => kept.keep(arrays) }
      : {}),
    close: async () => kept.close(),
  };
}

function expectSingle(outputs: Readonly<Record<string, Value>>): void {
  if (computationOrder(Object.values(outputs)).some((value) => value.dtype === "f64")) {
    throw new KlatchError(
      "engine",
      "TensorFlow.js has no 64-bit floating-point numbers",
      "choose the engine onnx:cpu",
    );
  }
}

/** The program with its failures told as an operator's. */
function guarded(program: Program): Program {
  return {
    async run(feeds: Arrays, into?: Arrays) {
      try {
        return await program.run(feeds, into);
      } catch (cause) {
        throw failure(cause);
      }
    },
    close: () => program.close(),
  };
}

/** A failed assertion is a bug and stays one. */
function failure(cause: unknown): unknown {
  if (cause instanceof AssertionError) return cause;
  const text = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? "";
  const memory = cause instanceof RangeError || /alloc|memory|OOM/i.test(text);
  return new KlatchError(
    memory ? "memory" : "engine",
    `TensorFlow.js failed: ${text}`,
    memory ? "lower the batch size or the sequence length" : "run klatch doctor",
    { cause },
  );
}
