import assert from "node:assert/strict";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { KlatchError } from "../../errors.ts";
import { sizeOf, type TypedArray } from "../graph/value.ts";
import { lower } from "../onnx/lowering.ts";
import { encodeModel, type OnnxPort } from "../onnx/model-proto.ts";
import type { Engine, Program } from "./engine.ts";

export interface OnnxEngineOptions {
  /** Threads within one operation, at least 1. */
  readonly threads: number;
  /** Write a profile of every session to files starting with this; for measuring. */
  readonly profile?: string;
}

/** ONNX Runtime on the CPU. */
export function createOnnxEngine(options: OnnxEngineOptions): Engine {
  const sessionOptions: InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 3,
    extra: {
      session: {
        // The softmax of a masked score is a denormal number, and products of those are slow. It holds for the thread of
        // the process's first session only: a second learner in one process is about a fifth slower.
        set_denormal_as_zero: "1",
        // Waiting threads must not burn the cores that the network and other peers need.
        intra_op: { allow_spinning: "0" },
        inter_op: { allow_spinning: "0" },
      },
    },
    ...(options.profile === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: options.profile }),
  };
  return {
    name: "onnx",
    async compile(outputs) {
      const graph = lower(outputs);
      try {
        // ONNX Runtime's own fusions put operators into the graph that exist in float32 only.
        const double = graph.outputs.some((port) => port.dtype === "f64");
        const session = await InferenceSession.create(encodeModel(graph), {
          ...sessionOptions,
          graphOptimizationLevel: double ? "basic" : "all",
        });
        return program(session, graph.inputs, graph.outputs);
      } catch (cause) {
        throw new KlatchError(
          "engine",
          `ONNX Runtime did not accept the model: ${reason(cause)}`,
          "try a smaller batch or sequence length; if that fails too, report the model's shape",
          { cause },
        );
      }
    },
  };
}

function program(
  session: InferenceSession,
  inputs: readonly OnnxPort[],
  outputs: readonly OnnxPort[],
): Program {
  return {
    async run(feeds, into = {}) {
      const fed: Record<string, Tensor> = {};
      for (const port of inputs) fed[port.name] = tensor(port, feeds[port.name]);
      const fetched: Record<string, Tensor | null> = {};
      for (const port of outputs) {
        const target = into[port.name];
        fetched[port.name] = target === undefined ? null : tensor(port, target);
      }
      const results = await run(session, fed, fetched);
      const arrays: Record<string, TypedArray> = {};
      for (const { name } of outputs) arrays[name] = into[name] ?? arrayOf(results[name]);
      return arrays;
    },
    close: () => session.release(),
  };
}

async function run(
  session: InferenceSession,
  fed: Record<string, Tensor>,
  fetched: Record<string, Tensor | null>,
): Promise<InferenceSession.ReturnType> {
  try {
    return await session.run(fed, fetched);
  } catch (cause) {
    const text = reason(cause);
    const memory = /alloc|memory/i.test(text);
    throw new KlatchError(
      memory ? "memory" : "engine",
      `ONNX Runtime failed: ${text}`,
      memory ? "lower the batch size or the sequence length" : "run klatch doctor",
      { cause },
    );
  }
}

const TYPE = { f32: "float32", f64: "float64", i64: "int64", bool: "bool" } as const;

function tensor(port: OnnxPort, data: TypedArray | undefined): Tensor {
  assert.ok(data !== undefined, `an array for ${port.name}`);
  assert.equal(data.length, sizeOf(port.shape), `${port.name} has shape [${port.shape}]`);
  // The constructor is overloaded by type name, which a table of names cannot express.
  const construct = Tensor as new (type: string, data: TypedArray, dims: number[]) => Tensor;
  return new construct(TYPE[port.dtype], data, [...port.shape]);
}

function arrayOf(value: unknown): TypedArray {
  assert.ok(value instanceof Tensor, "a tensor for each output");
  return value.data as TypedArray;
}

function reason(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? "";
}
