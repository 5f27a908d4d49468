import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { TestProcess } from "../../support/child-process.ts";

const FILE = fileURLToPath(new URL("../../support/stuck-process.ts", import.meta.url));

test("a second Ctrl-C ends a process at once, though its thread is busy for minutes", async () => {
  const stuck = new TestProcess(FILE, []);
  await stuck.line((line) => line === "busy");
  stuck.kill("SIGINT");
  await stuck.line((line) => line === "stopping");
  stuck.kill("SIGINT");
  // As every program that Ctrl-C ends: a shell shows 130.
  expect(await stuck.ended()).toEqual({ code: null, signal: "SIGINT" });
}, 60_000);
