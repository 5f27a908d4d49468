import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { SkippedTestsReporter } from "./test/support/skipped-tests.ts";

// Programs that tests start, and the learners' threads, load half as long when their modules are compiled already.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules/.cache/node-compile");

// Where CI reads the results from.
const { TEST_RESULTS: results } = process.env;

/** Time limits only end what hangs: a loaded machine takes ten times as long as an idle one. */
const project = (name: string, testTimeout: number, ...more: string[]) => ({
  extends: true as const,
  test: {
    name,
    // Simulations share the modules of their worker. The others may not: an engine sets the processor of its process to
    // round the smallest numbers to zero.
    isolate: name !== "simulation",
    include: [`test/${name}/**/*.test.ts`, ...more],
    testTimeout,
    hookTimeout: testTimeout,
  },
});

export default defineConfig({
  test: {
    // Vitest's own choice leaves one core without work, which is half of a machine with two.
    maxWorkers: availableParallelism(),
    reporters: [
      "default",
      ...(results === undefined ? [] : [["json", { outputFile: results }] as const]),
      new SkippedTestsReporter(),
    ],
    projects: [
      project("unit", 60_000, "test/*.test.ts"),
      project("simulation", 120_000),
      project("integration", 120_000),
      project("e2e", 300_000),
    ],
  },
});
