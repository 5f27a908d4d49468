import { execFileSync } from "node:child_process";
import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";

const ROOT = join(import.meta.dirname, "../..");

test("relative paths and klatch.yaml are those of the caller's folder", () => {
  const folder = realpathSync(temporaryFolder());
  writeFileSync(join(folder, "klatch.yaml"), "dataDir: here\n");
  const klatch = (...args: string[]) =>
    execFileSync("npm", ["--prefix", ROOT, "run", "-s", "klatch", "--", ...args], {
      cwd: folder,
      encoding: "utf8",
      shell: process.platform === "win32",
    });

  expect(klatch("runs")).toBe(`${join(folder, "here")} holds no run\n`);
  expect(klatch("runs", "--data-dir", "../there")).toBe(
    `${join(folder, "../there")} holds no run\n`,
  );
});
