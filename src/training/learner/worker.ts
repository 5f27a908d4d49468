import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { LearnerCore } from "./core.ts";
import { type Call, type FromWorker, type ToWorker, toPlain, type WorkerTask } from "./messages.ts";

// The thread that owns the engine: session.run blocks it, so nothing else lives here.
assert.ok(parentPort !== null, "runs as a worker");
const port = parentPort;
const stopped = new Set<number>();
let last: Promise<void> = Promise.resolve();

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

let toldEngine = "";

/** Before what the engine brought, so that whoever reads that finds its name too. */
function tellEngine({ info: { engine } }: LearnerCore): void {
  if (toldEngine !== "" && toldEngine !== engine) post({ engine });
  toldEngine = engine;
}

function perform(core: LearnerCore, call: Call): unknown {
  switch (call.duty) {
    case "initialAdapter":
      return core.initialAdapter();
    case "train":
      return core.train(...call.arguments, {
        isStopped: () => stopped.has(call.id),
        onStep(step) {
          tellEngine(core);
          post({ id: call.id, step });
        },
      });
    case "evaluate":
      return core.evaluate(...call.arguments);
    case "probe":
      return core.probe(...call.arguments);
    case "slope":
      return core.slope(...call.arguments);
    case "generate":
      return core.generate(...call.arguments);
    case "classify":
      return core.classify(...call.arguments);
    case "exportAdapter":
      return core.exportAdapter(...call.arguments);
    case "exportMerged":
      return core.exportMerged(...call.arguments);
    case "importAdapter":
      return core.importAdapter(...call.arguments);
    case "planMemory":
      return core.planMemory();
    case "close":
      return core.close();
  }
}

/** The buffers of a result, which move instead of being copied. */
function buffers(result: unknown): ArrayBuffer[] {
  if (result instanceof Float32Array) return [result.buffer as ArrayBuffer];
  if (typeof result !== "object" || result === null) return [];
  return Object.values(result).flatMap(buffers);
}

async function answer(core: LearnerCore, call: Call): Promise<void> {
  try {
    const result = await perform(core, call);
    tellEngine(core);
    post({ id: call.id, result }, buffers(result));
  } catch (error) {
    post({ id: call.id, error: toPlain(error) });
  }
  stopped.delete(call.id);
  if (call.duty === "close") port.close();
}

async function main(): Promise<void> {
  try {
    const { options, origin } = workerData as WorkerTask;
    const core = await LearnerCore.open(options, origin, (notice) => post({ notice }));
    port.on("message", (message: ToWorker) => {
      if ("stop" in message) stopped.add(message.stop);
      else last = last.then(() => answer(core, message));
    });
    tellEngine(core);
    post({ ready: core.info });
  } catch (error) {
    post({ failed: toPlain(error) });
  }
}

await main();
