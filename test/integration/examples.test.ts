import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TestProcess } from "../support/child-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const FOLDER = join(import.meta.dirname, "../../examples");

/** What each example says at last, and a file that it leaves where it was told to work. */
const EXPECTED: Readonly<Record<string, { readonly says: RegExp; readonly leaves?: string }>> = {
  "embed-node.ts": { says: /^both are done: 6 of 6 rounds mixed$/, leaves: "museum/ledger.sqlite" },
  "own-transport.ts": { says: /^ann 2\.\d+, ben 2\.\d+, cat 2\.\d+, dan 2\.\d+, eve \d+\.\d+$/ },
  "simulate.ts": { says: /^peer 49 .* is shut out by 48 of 48$/ },
  "train-alone.ts": { says: /^written to \/.+adapter$/, leaves: "adapter/adapter_config.json" },
};

/** Runs one as a program that has the package's sources for its doors. */
function start(name: string, folder: string): TestProcess {
  return new TestProcess("--conditions=klatch-source", [join(FOLDER, name), folder]);
}

test("every example is known", () => {
  expect(Object.keys(EXPECTED)).toEqual(readdirSync(FOLDER).sort());
});

test.each(Object.entries(EXPECTED))("%s runs", async (name, { says, leaves }) => {
  const folder = temporaryFolder();
  const example = start(name, folder);

  const { code } = await example.ended();

  expect(example.stderr).toBe("");
  expect(code).toBe(0);
  expect(example.lines.at(-1)).toMatch(says);
  if (leaves !== undefined) expect(existsSync(join(folder, leaves))).toBe(true);
});
