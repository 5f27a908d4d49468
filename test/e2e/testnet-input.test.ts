import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeScratch, runCli } from "./testnet-cli.ts";

let scratch: Awaited<ReturnType<typeof makeScratch>>;
beforeAll(async () => {
  scratch = await makeScratch();
});
afterAll(() => scratch.remove());

test.each([
  ["a missing data folder", ["--data", "nowhere"], 3, "nowhere does not exist"],
  ["too few files", ["--data", "data/train", "--peers", "5"], 2, "4 data files are too few"],
])("%s is one line with a hint and its exit code", async (_, flags, exitCode, message) => {
  const { code, stdout, stderr } = await runCli(["testnet", "run", ...flags], scratch.folder);

  const [error = "", hint = "", ...more] = stderr.trim().split("\n");
  expect(error).toMatch(/^error: /);
  expect(error).toContain(message);
  expect(hint).toMatch(/^hint: .+/);
  expect(more).toEqual([]);
  expect(code).toBe(exitCode);
  expect(stdout).toBe("");
});

test("an unknown flag is met with a suggestion", async () => {
  const { code, stderr } = await runCli(
    ["testnet", "run", "--data", "x", "--peer", "3"],
    scratch.folder,
  );

  expect(code).toBe(2);
  expect(stderr).toContain("--peers");
});

test("with --json an error is a JSON document on standard output", async () => {
  const { code, stdout } = await runCli(
    ["testnet", "run", "--data", "nowhere", "--json"],
    scratch.folder,
  );

  expect(code).toBe(3);
  expect(JSON.parse(stdout).error).toMatchObject({ code: "data" });
});

test("down says that there is no testnet", async () => {
  const { code, stderr } = await runCli(["testnet", "down"], scratch.folder);

  expect(code).toBe(2);
  expect(stderr).toContain("no testnet is up");
  expect(existsSync(join(scratch.folder, ".klatch-testnet"))).toBe(false);
});
