"use strict";

/**
 * Reads Vitest's JSON report and prints one line, `N passed, N failed, N skipped`. A file that could not be loaded counts as
 * one failed test; so does a report that is not there. Exits 1 when anything failed or nothing ran.
 */
const { readFileSync } = require("node:fs");

const { passed, failed, skipped } = count(process.argv[2]);
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function count(file) {
  const text = readFileSync(file, "utf8");
  if (text === "") return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(text);
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
