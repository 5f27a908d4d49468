import assert from "node:assert/strict";
import { join } from "node:path";

/** File of a program as it was built for this run of the tests; `src/node/cli` for example. */
export function programFile(path: string): string {
  const { TEST_PROGRAMS: folder } = process.env;
  assert.ok(folder !== undefined, "no programs are built for the tests of this project");
  return join(folder, `${path}.js`);
}
