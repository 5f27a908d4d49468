/** A process whose thread is in the middle of long native code, as in a step of a large model: node stuck-process.ts */
import { pbkdf2Sync } from "node:crypto";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { endProcess, runProcess } from "../../src/node/process/lifecycle.ts";
import { silentLogger } from "../../src/node/process/logger.ts";

if (isMainThread) {
  const log = { ...silentLogger(), info: () => process.stdout.write("stopping\n") };
  const worker = new Worker(new URL(import.meta.url));
  worker.once("message", () => process.stdout.write("busy\n"));
  const hooks = { log, exit: endProcess, events: process, stopMs: 600_000 };
  await runProcess(() => new Promise(() => worker.ref()), hooks);
} else {
  parentPort?.postMessage("busy");
  pbkdf2Sync("password", "salt", 2 ** 31 - 1, 64, "sha512");
}
