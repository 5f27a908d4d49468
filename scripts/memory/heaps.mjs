/**
 * Preloaded into every peer by peer-memory.ts: each of its threads writes what its JavaScript heap takes. Plain
 * JavaScript, so that it does not load what takes the types off TypeScript.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import { isMainThread } from "node:worker_threads";

const folder = process.env.PEER_HEAPS;
if (folder !== undefined && process.execArgv.some((word) => word.includes("leash"))) {
  const file = join(folder, `${process.pid}.${isMainThread ? "main" : "learner"}.json`);
  const tell = () => {
    const { total_physical_size: heap, external_memory: outside } = getHeapStatistics();
    writeFileSync(file, JSON.stringify({ heap, outside }));
  };
  setInterval(tell, 500).unref();
}
