/**
 * Loads ONNX Runtime the way the learner does, in the main thread or in one of the given kind, and says what came of
 * it.
 */
import { isMainThread, SHARE_ENV, Worker } from "node:worker_threads";
import { KlatchError } from "../../src/errors.ts";
import { processFacts } from "../../src/training/engine/process-report.ts";
import { TELEMETRY_SWITCH } from "../../src/training/engine/telemetry.ts";

const [where] = process.argv.slice(2);

if (isMainThread && where !== "main") {
  new Worker(new URL(import.meta.url), where === "shared" ? { env: SHARE_ENV } : {});
} else {
  process.stdout.write(`${JSON.stringify(await load())}\n`);
}

async function load() {
  const refusal = await import("../../src/training/engine/onnx-runtime.ts").then(
    () => null,
    (error: unknown) => (error instanceof KlatchError ? error.hint : String(error)),
  );
  const { environmentVariables, sharedObjects = [] } = processFacts();
  return {
    refusal,
    value: environmentVariables?.[TELEMETRY_SWITCH] ?? null,
    isLoaded: sharedObjects.some((path) => path.includes("libonnxruntime")),
  };
}
