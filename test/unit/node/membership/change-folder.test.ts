import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHANGE_BYTES_MAX } from "../../../../src/node/membership/change-file.ts";
import { placeChange, readChanges } from "../../../../src/node/membership/change-folder.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

test("what is placed is read; pipes, folders and what is too large are left out", () => {
  const dataDir = temporaryFolder();
  const folder = join(placeChange(dataDir, "add", "a change"), "..");
  mkdirSync(join(folder, "folder.json"));
  writeFileSync(join(folder, "large.json"), "x".repeat(CHANGE_BYTES_MAX + 1));
  writeFileSync(join(folder, "note.txt"), "no change");
  execFileSync("mkfifo", ["-m", "600", join(folder, "pipe.json")]);
  expect([...readChanges(folder)]).toEqual([["add.json", "a change"]]);
});

test("where no change was ever placed there is none", () => {
  expect(readChanges(join(temporaryFolder(), "none")).size).toBe(0);
});
