import { expect, test } from "vitest";
import { type SkippableModule, skippedTests } from "../../support/skipped-tests.ts";

/** A file of tests of which these are skipped and one has passed. */
const file = (name: string, ...skipped: readonly string[]): SkippableModule => ({
  relativeModuleId: `test/${name}.test.ts`,
  children: {
    *allTests(state) {
      for (const fullName of state === "skipped" ? skipped : ["a > passed"]) yield { fullName };
    },
  },
});

test("every skipped test is named with its file, in order, after their number", () => {
  const files = [file("b", "reads (needs ../shared/data)"), file("c"), file("a", "x > y", "x > z")];

  expect(skippedTests(files)).toEqual([
    "3 tests skipped",
    "  test/a.test.ts > x > y",
    "  test/a.test.ts > x > z",
    "  test/b.test.ts > reads (needs ../shared/data)",
  ]);
});

test("a run that left nothing out says so", () => {
  expect(skippedTests([file("a"), file("b")])).toEqual(["no tests skipped"]);
});
