import assert from "node:assert/strict";
import type { EngineName } from "../../types.ts";
import { type PlainError, toPlain } from "../learner/messages.ts";
import { type EngineMeasurement, type EngineTask, measureEngine } from "./engine-measurement.ts";

export interface ChildTask {
  readonly name: EngineName;
  readonly task: EngineTask;
}

export type FromChild = { readonly measured: EngineMeasurement } | { readonly failed: PlainError };

// A process of its own: its greatest size is the engine's, and a driver that crashes takes nobody with it.
const { send } = process;
assert.ok(send !== undefined, "runs as a child process");

async function answer({ name, task }: ChildTask): Promise<FromChild> {
  try {
    return { measured: await measureEngine(name, task) };
  } catch (error) {
    return { failed: toPlain(error) };
  }
}

process.once("message", async (message: ChildTask) => {
  const reply = await answer(message);
  process.send?.(reply, () => process.disconnect());
});
