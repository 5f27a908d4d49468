import { createRequire } from "node:module";
import type * as Onnx from "onnxruntime-node";
import { KlatchError } from "../../errors.ts";
import { switchTelemetryOff, TELEMETRY_SWITCH } from "./telemetry.ts";

/** ONNX Runtime. This is the only module that loads it, so that nothing loads it with its telemetry on. */
export const onnxRuntime = loadQuietly();

// --- internal ---

/** @throws KlatchError `engine` where the telemetry cannot be switched off before */
function loadQuietly(): typeof Onnx {
  if (switchTelemetryOff()) {
    return createRequire(import.meta.url)("onnxruntime-node") as typeof Onnx;
  }
  throw new KlatchError(
    "engine",
    "this thread has a copy of the environment, in which ONNX Runtime's telemetry cannot be switched off",
    `start the program with ${TELEMETRY_SWITCH}=1, or the thread with { env: SHARE_ENV }`,
  );
}
