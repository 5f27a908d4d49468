import type { InferenceSession, Tensor } from "onnxruntime-node";
import { Graph, type TypedArray } from "../graph/value.ts";
import { lower } from "../onnx/lower.ts";
import { encodeModel, type OnnxPort } from "../onnx/model-proto.ts";
import { failure } from "./onnx-failure.ts";
import { onnxRuntime } from "./onnx-runtime.ts";
import { tensor } from "./onnx-tensors.ts";

interface Kept {
  readonly buffer: Tensor;
  /** The session whose output the buffer is; the buffer is gone when the session is. */
  readonly owner: InferenceSession;
}

/**
 * Arrays kept on the device. Each is copied there once, when it is first fed. From then on every session of the
 * process reads it there. The way in is a program that only hands its input on, with its output left on the device.
 */
export class DeviceBuffers {
  readonly #options: InferenceSession.SessionOptions;
  readonly #wanted = new Set<TypedArray>();
  readonly #kept = new Map<TypedArray, Kept>();

  constructor(options: InferenceSession.SessionOptions) {
    this.#options = options;
  }

  /** Arrays that will never change. */
  keep(arrays: Iterable<TypedArray>): void {
    for (const array of arrays) this.#wanted.add(array);
  }

  /** The tensor to feed for `data`: the buffer on the device where it is kept, else one over the array itself. */
  async tensor(port: OnnxPort, data: TypedArray | undefined): Promise<Tensor> {
    if (data === undefined || !this.#wanted.has(data)) return tensor(port, data);
    const kept = this.#kept.get(data) ?? (await this.#copy(port, data));
    this.#kept.set(data, kept);
    return kept.buffer;
  }

  async close(): Promise<void> {
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    this.#wanted.clear();
    for (const { buffer, owner } of kept) {
      buffer.dispose();
      await owner.release();
    }
  }

  async #copy(port: OnnxPort, data: TypedArray): Promise<Kept> {
    const graph = new Graph();
    const source = graph.input("source", port.shape, port.dtype);
    const owner = await onnxRuntime.InferenceSession.create(
      encodeModel(lower({ kept: source })).bytes,
      {
        ...this.#options,
        preferredOutputLocation: "gpu-buffer",
      },
    );
    try {
      const { kept } = await owner.run({ source: tensor(port, data) });
      return { buffer: kept as Tensor, owner };
    } catch (cause) {
      await owner.release();
      throw failure(`could not copy ${port.name} to the device`, "run klatch doctor", cause);
    }
  }
}
