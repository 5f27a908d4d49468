import type { Reporter, TestModule, Vitest } from "vitest/node";

/** What the list of skipped tests needs to know of a file of tests. */
export interface SkippableModule {
  readonly relativeModuleId: string;
  readonly children: {
    allTests(state: "skipped"): Iterable<{ readonly fullName: string }>;
  };
}

/** One line that counts the skipped tests, and one for each with its file and its name, which says what it needs. */
export function skippedTests(modules: readonly SkippableModule[]): string[] {
  const skipped = modules.flatMap(({ relativeModuleId, children }) =>
    Array.from(children.allTests("skipped"), ({ fullName }) => `${relativeModuleId} > ${fullName}`),
  );
  return [`${skipped.length || "no"} tests skipped`, ...skipped.sort().map((name) => `  ${name}`)];
}

/** Ends a run with the list of what it left out; silent where a name was asked for, and all others are left out. */
export class SkippedTestsReporter implements Reporter {
  #vitest: Vitest | null = null;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#vitest === null || this.#vitest.config.testNamePattern !== undefined) return;
    for (const line of skippedTests(modules)) this.#vitest.logger.log(line);
  }
}
