import assert from "node:assert/strict";
import type { EngineName } from "../../types.ts";
import { type PlainError, toPlain } from "../learner/messages.ts";
import type { EngineMeasurement, EngineTask } from "./engine-measurement.ts";
import type { EngineTrial } from "./engine-trial.ts";

export interface ChildTask {
  readonly name: EngineName;
  /** What to measure; null to try the engine alone. */
  readonly task: EngineTask | null;
}

export type FromChild =
  | { readonly done: EngineMeasurement | EngineTrial }
  | { readonly failed: PlainError };

// A process of its own: its greatest size is the engine's, and a driver that crashes takes nobody with it.
const { send } = process;
assert.ok(send !== undefined, "runs as a child process");

async function answer(task: ChildTask): Promise<FromChild> {
  try {
    return { done: await done(task) };
  } catch (error) {
    return { failed: toPlain(error) };
  }
}

/** A trial needs no models, whose code takes longer to load than it runs. */
async function done({ name, task }: ChildTask): Promise<EngineMeasurement | EngineTrial> {
  if (task === null) return (await import("./engine-trial.ts")).tryEngine(name);
  return (await import("./engine-measurement.ts")).measureEngine(name, task);
}

process.once("message", async (message: ChildTask) => {
  const reply = await answer(message);
  process.send?.(reply, () => process.disconnect());
});
