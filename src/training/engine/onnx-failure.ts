import { KlatchError } from "../../errors.ts";

/**
 * What ONNX Runtime threw as one sentence; `memory` where it ran out of it. A device without shader-f16 is told as
 * such.
 */
export function failure(what: string, hint: string, cause: unknown): KlatchError {
  const message = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? "";
  // A failed check inside ONNX Runtime begins with its place in the source and ends with what it means.
  const text = message.replace(/^\/onnxruntime_src\/.* was false\. /, "");
  if (/requires f16 but the device does not support it/.test(text)) {
    return new KlatchError(
      "engine",
      "this graphics device computes with no half floats, so the base model cannot be kept as f16 on it",
      "choose --dtype int8 or f32, or --engine onnx:cpu",
      { cause },
    );
  }
  const memory = /alloc|memory/i.test(text);
  return new KlatchError(
    memory ? "memory" : "engine",
    `ONNX Runtime ${what}: ${text}`,
    memory ? "lower the batch size or the sequence length" : hint,
    { cause },
  );
}
