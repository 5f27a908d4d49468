import { fork } from "node:child_process";
import { KlatchError } from "../../errors.ts";
import type { EngineName } from "../../types.ts";
import type { ChildTask, FromChild } from "./engine-child.ts";
import type { EngineMeasurement, EngineTask } from "./engine-measurement.ts";
import type { EngineTrial } from "./engine-trial.ts";

/**
 * What the engine `name` makes of the task in a process of its own, or why it makes nothing of it within `limit`
 * seconds. An engine that ends its process or never ends is an error like others.
 */
export function measureApart(
  name: EngineName,
  task: EngineTask,
  limit: number,
): Promise<EngineMeasurement | KlatchError> {
  return apart({ name, task }, limit);
}

/** One training step on the engine `name`, in the same way. */
export function tryApart(name: EngineName, limit: number): Promise<EngineTrial | KlatchError> {
  return apart({ name, task: null }, limit);
}

// --- internal ---

function apart<Done extends EngineMeasurement | EngineTrial>(
  { name, task }: ChildTask,
  limit: number,
): Promise<Done | KlatchError> {
  // The child has this file's extension: .ts in a checkout, .js when built.
  const file = new URL(`./engine-child${import.meta.url.slice(-3)}`, import.meta.url);
  const child = fork(file, {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const said = lastLine(child.stderr);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(trouble(name, `took longer than ${limit} s`));
      child.kill("SIGKILL");
    }, 1000 * limit);
    child.once("message", (message: FromChild) => {
      if ("done" in message) return resolve(message.done as Done);
      const { code, message: text, hint } = message.failed;
      resolve(new KlatchError(code === "stopped" ? "internal" : code, text, hint));
    });
    child.once("error", (error) => resolve(trouble(name, error.message)));
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve(trouble(name, `ended its process (${signal ?? `exit code ${code}`}): ${said()}`));
    });
    child.send({ name, task } satisfies ChildTask);
  });
}

function trouble(name: EngineName, what: string): KlatchError {
  return new KlatchError("engine", `${name} ${what}`, "take another --engine");
}

/** The last line that a stream said, for a process that says nothing else before its end. */
function lastLine(stream: NodeJS.ReadableStream | null): () => string {
  let tail = "";
  stream?.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString("utf8")).slice(-4096);
  });
  return () => tail.trim().split("\n").at(-1) ?? "";
}
