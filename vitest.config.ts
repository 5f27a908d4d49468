import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { startsBuilt } from "./test/support/build-programs.ts";
import { SkippedTestsReporter } from "./test/support/skipped-tests.ts";

// Programs that tests start, and the learners' threads, load half as long when their modules are compiled already.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules/.cache/node-compile");

// Where CI reads the results from.
const { TEST_RESULTS: results } = process.env;

type ProjectConfig = NonNullable<TestProjectInlineConfiguration["test"]>;

/** Where tests open engines in their own process: what reads files and rows needs none. */
const LEARNER = "test/unit/training/!(data|files)/**/*.test.ts";

/** Time limits only end what hangs: a loaded machine takes ten times as long as an idle one. */
const project = (name: string, testTimeout: number, more: ProjectConfig) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
    ...more,
  },
});

/**
 * Files that share the modules of their worker: loading them for every file takes a third of the time. None may open an
 * engine, which sets the processor to round the smallest numbers to zero for all files after it.
 */
const SHARED = { isolate: false, setupFiles: ["test/support/without-engine.ts"] };

/** Programs and learners' threads are built once for all tests of these. */
const projectOfPrograms = (name: string, testTimeout: number, more: ProjectConfig = {}) => ({
  ...project(name, testTimeout, { globalSetup: "test/support/build-programs.ts", ...more }),
  plugins: [startsBuilt],
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
      project("unit", 60_000, {
        ...SHARED,
        include: ["test/*.test.ts", "test/unit/**/*.test.ts"],
        exclude: [LEARNER],
      }),
      projectOfPrograms("learner", 60_000, { include: [LEARNER] }),
      project("simulation", 120_000, SHARED),
      projectOfPrograms("integration", 120_000),
      projectOfPrograms("e2e", 300_000),
    ],
  },
});
