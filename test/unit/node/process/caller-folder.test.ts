import { expect, test } from "vitest";
import { enterCallersFolder } from "../../../../src/node/process/caller-folder.ts";

/** Where a process with this environment goes. */
function entered(environment: Record<string, string>): string | null {
  let folder: string | null = null;
  const given: Record<string, string | undefined> = { ...environment };
  enterCallersFolder(given, (path) => {
    folder = path;
  });
  // Its own processes are not sent there again.
  if (folder !== null) expect(given).not.toHaveProperty("INIT_CWD");
  return folder;
}

test("a script of a checkout goes to the folder that npm was called in, and nothing else does", () => {
  const script = {
    npm_package_name: "klatch",
    npm_lifecycle_event: "klatch",
    INIT_CWD: "/home/ann",
  };

  expect(entered(script)).toBe("/home/ann");
  expect(entered({ ...script, npm_lifecycle_event: "test" })).toBeNull();
  expect(entered({ ...script, npm_package_name: "other" })).toBeNull();
  expect(entered({ ...script, INIT_CWD: "" })).toBeNull();
  expect(entered({})).toBeNull();
});
