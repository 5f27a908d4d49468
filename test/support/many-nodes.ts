/**
 * Program: many nodes in one process, each with all that `klatch start` gives it but a process and a status endpoint of
 * its own: node many-nodes.ts CONFIG...
 */
import { loadConfig } from "../../src/node/config/load.ts";
import { createNode } from "../../src/node/embed.ts";
import { silentLogger } from "../../src/node/process/logger.ts";

await Promise.all(
  process.argv
    .slice(2)
    .map((file) => createNode(loadConfig({ file }), { log: silentLogger() }).start()),
);
process.stdout.write("all have started\n");
