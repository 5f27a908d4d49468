import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { LOWERINGS, type Lowerings } from "../onnx/operators.ts";
import { WEBGPU_LOWERINGS } from "../onnx/webgpu-operators.ts";

/** What differs between ONNX Runtime's execution providers. */
export interface OnnxProvider {
  readonly executionProviders: InferenceSession.SessionOptions["executionProviders"];
  readonly dialect: Lowerings;
  /** Frozen weights up to this size are written into programs; the caller decides where unset. */
  readonly copyBytesMax?: number;
  /** See `Engine.soleCopyBytesMax`. */
  readonly soleCopyBytesMax?: number;
  /**
   * Whether large constants lie beside the model's bytes, which saves a copy while a program is made; tried on the
   * CPU.
   */
  readonly constantsBeside: boolean;
  /** Whether arrays can be kept as buffers of the device that several sessions read. */
  readonly keepsBuffers: boolean;
  /** What to do when it does not start. */
  readonly hint: string;
}

export type OnnxProviderName = "cpu" | "webgpu" | "cuda";

export const ONNX_PROVIDERS: Readonly<Record<OnnxProviderName, OnnxProvider>> = {
  cpu: {
    executionProviders: ["cpu"],
    dialect: LOWERINGS,
    // Three times that, and activations, is what a machine of 4 GiB has. It holds a model of 160 million parameters.
    soleCopyBytesMax: 640 << 20,
    constantsBeside: true,
    keepsBuffers: false,
    hint: "try a smaller batch or sequence length; if that fails too, report the model's shape",
  },
  webgpu: {
    executionProviders: ["webgpu"],
    dialect: WEBGPU_LOWERINGS,
    // Fed weights are kept on the device once for all programs.
    copyBytesMax: 0,
    constantsBeside: false,
    keepsBuffers: true,
    hint: "is the driver for Vulkan, Metal or D3D12 installed? see docs/GPU.md, or take --engine onnx:cpu",
  },
  cuda: {
    executionProviders: ["cuda"],
    dialect: LOWERINGS,
    // The npm package passes buffers of WebGPU only: what is fed crosses the bus at every run. A model of 2 GiB is too
    // large for its file format.
    copyBytesMax: 1.75 * 2 ** 30,
    constantsBeside: false,
    keepsBuffers: false,
    hint: "are CUDA 12, cuDNN 9 and the provider's libraries installed? see docs/GPU.md, or take --engine onnx:cpu",
  },
};

/** Whether the package's install script, or the user, has put the CUDA provider beside ONNX Runtime. */
export function hasCudaProvider(): boolean {
  const { platform, arch } = process;
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const folder = join(dirname(entry), "..", "bin", "napi-v6", platform, arch);
  const file =
    platform === "win32" ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so";
  return existsSync(join(folder, file));
}
