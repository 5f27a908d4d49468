import type { InferenceSession, Tensor } from "onnxruntime-node";
import { graphMemory } from "../graph/memory.ts";
import type { TypedArray, Value } from "../graph/value.ts";
import { lower } from "../onnx/lower.ts";
import { encodeModel, type OnnxGraph } from "../onnx/model-proto.ts";
import { ArenaBudget } from "./arena-budget.ts";
import { DeviceBuffers } from "./device-buffers.ts";
import type { Engine, Program } from "./engine.ts";
import { failure } from "./onnx-failure.ts";
import { ONNX_PROVIDERS, type OnnxProvider, type OnnxProviderName } from "./onnx-providers.ts";
import { onnxRuntime } from "./onnx-runtime.ts";
import { arrayOf, tensor } from "./onnx-tensors.ts";

export interface OnnxEngineOptions {
  /** Where the graph runs; the CPU unless said. */
  readonly provider?: OnnxProviderName;
  /** Threads within one operation, at least 1. */
  readonly threads: number;
  /** Write a profile of every session to files starting with this; for measuring. */
  readonly profile?: string;
  /** Bytes that programs may keep from one run to the next; an eighth of the memory there is, unless said. */
  readonly arenaBytesMax?: number;
}

const ARENA_SHARE = 1 / 8;
/** Below this the allocator of the process lends blocks again as fast, and to all programs instead of to one. */
const ARENA_BYTES_MIN = 16 << 20;
const SPIN_MICROSECONDS = "200";

/** ONNX Runtime, by default on the CPU. Nothing is loaded from a driver before the first program. */
export function createOnnxEngine(options: OnnxEngineOptions): Engine {
  const { provider: providerName = "cpu" } = options;
  const provider = ONNX_PROVIDERS[providerName];
  const settings = sessionOptions(provider, options);
  const buffers = new DeviceBuffers(settings);
  const arenas = new ArenaBudget(
    () => options.arenaBytesMax ?? process.availableMemory() * ARENA_SHARE,
  );
  return {
    name: `onnx:${providerName}`,
    async compile(outputs: Readonly<Record<string, Value>>) {
      const graph = lower(outputs, provider.dialect);
      const { activations } = graphMemory(outputs);
      const enableCpuMemArena = activations >= ARENA_BYTES_MIN && arenas.take(activations);
      const giveBack = () => {
        if (enableCpuMemArena) arenas.giveBack(activations);
      };
      try {
        // ONNX Runtime's own fusions put operators into the graph that exist in float32 only.
        const double = graph.outputs.some((port) => port.dtype === "f64");
        const { bytes, external } = encodeModel(graph, provider.constantsBeside);
        const session = await onnxRuntime.InferenceSession.create(bytes, {
          ...settings,
          externalData: external,
          graphOptimizationLevel: double ? "basic" : "all",
          enableCpuMemArena,
        });
        return program(session, graph, buffers, giveBack);
      } catch (cause) {
        giveBack();
        throw failure("did not accept the model", provider.hint, cause);
      }
    },
    copyBytesMax: provider.copyBytesMax,
    soleCopyBytesMax: provider.soleCopyBytesMax,
    ...(provider.keepsBuffers
      ? { keep: (arrays: Iterable<TypedArray>) => buffers.keep(arrays) }
      : {}),
    close: () => buffers.close(),
  };
}

function sessionOptions(
  provider: OnnxProvider,
  { threads, profile }: OnnxEngineOptions,
): InferenceSession.SessionOptions {
  return {
    executionProviders: provider.executionProviders ?? [],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // The block that a memory pattern plans stands beside what the first run took: activations twice, and no faster.
    enableMemPattern: false,
    logSeverityLevel: 3,
    extra: {
      optimization: {
        // What graphs compute twice they compute twice on purpose: kept from one use to the next it would take memory.
        disable_specified_optimizers: "CommonSubexpressionElimination",
      },
      session: {
        // The softmax of a masked score is a denormal number, and products of those are slow. It holds for the thread
        // of the process's first session only: a second learner in one process is about a fifth slower.
        set_denormal_as_zero: "1",
        // Threads wait awake for as long as the gaps between operations are, which saves waking them hundreds of
        // times a step. They wait no longer: the network and other peers need the cores too.
        intra_op: { allow_spinning: "1", spin_duration_us: SPIN_MICROSECONDS },
        inter_op: { allow_spinning: "0" },
      },
    },
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  };
}

function program(
  session: InferenceSession,
  graph: OnnxGraph,
  buffers: DeviceBuffers,
  onClose: () => void,
): Program {
  return {
    async run(feeds, into = {}) {
      const fed: Record<string, Tensor> = {};
      for (const port of graph.inputs) {
        fed[port.name] = await buffers.tensor(port, feeds[port.name]);
      }
      const fetched: Record<string, Tensor | null> = {};
      for (const port of graph.outputs) {
        const target = into[port.name];
        fetched[port.name] = target === undefined ? null : tensor(port, target);
      }
      const results = await session.run(fed, fetched).catch((cause: unknown) => {
        throw failure("failed", "run klatch doctor", cause);
      });
      const arrays: Record<string, TypedArray> = {};
      for (const { name } of graph.outputs) arrays[name] = into[name] ?? arrayOf(results[name]);
      return arrays;
    },
    async close() {
      onClose();
      await session.release();
    },
  };
}
