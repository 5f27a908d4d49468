/**
 * Program: reads its command line as `klatch` does, makes many objects that live on, and prints how many MiB the heap
 * then has for young ones.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { runCli } from "../../src/node/command-line.ts";

const quiet = { line: () => undefined, note: () => undefined, json: () => undefined };
const terminal = { ...quiet, fail: () => undefined, columns: 80 };
await runCli(process.argv.slice(2), terminal as unknown as Parameters<typeof runCli>[1]);
const kept: object[] = [];
for (let i = 0; i < 1_000_000; i += 1) kept.push({ i });
collectYoung();
const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space");
process.stdout.write(
  `${JSON.stringify({ kept: kept.length, young: (young?.space_size ?? 0) / 2 ** 20 })}\n`,
);

/** A collection that is under way lets the space grow beyond its size for a moment. */
function collectYoung(): void {
  setFlagsFromString("--expose-gc");
  const collect: NodeJS.GCFunction = runInNewContext("gc");
  collect({ type: "minor" });
}
