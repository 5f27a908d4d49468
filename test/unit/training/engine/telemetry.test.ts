import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { telemetryLeftovers } from "../../../../src/training/engine/telemetry.ts";
import { TestProcess } from "../../../support/child-process.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const PROGRAM = join(import.meta.dirname, "../../../support/quiet-thread.ts");

async function load(where: string, env: NodeJS.ProcessEnv): Promise<unknown> {
  const child = new TestProcess(PROGRAM, [where], env);
  expect((await child.ended()).code, child.stderr).toBe(0);
  return JSON.parse(child.stdout);
}

describe("the native library is loaded", () => {
  test.each([
    ["main", {}],
    ["main", { ORT_DISABLE_TELEMETRY: "" }],
    ["main", { ORT_DISABLE_TELEMETRY: "0" }],
    ["shared", {}],
    ["copied", { ORT_DISABLE_TELEMETRY: "1" }],
  ])("with its telemetry off: thread %s, environment %j", async (where, env) => {
    expect(await load(where, env)).toEqual({ refusal: null, value: "1", isLoaded: true });
  });

  test("not at all in a thread that cannot switch it off", async () => {
    expect(await load("copied", { ORT_DISABLE_TELEMETRY: "0" })).toEqual({
      refusal: expect.stringContaining("SHARE_ENV"),
      value: "0",
      isLoaded: false,
    });
  });
});

describe("what telemetry left here", () => {
  test("is found in the cache folders and the temporary folder", () => {
    const [HOME, temporary] = [temporaryFolder(), temporaryFolder()];
    const folder = join(HOME, ".cache/Microsoft/DeveloperTools/.onnxruntime");
    const log = join(temporary, "mat-debug-4725.log");
    expect(telemetryLeftovers({ HOME }, temporary)).toEqual([]);
    mkdirSync(folder, { recursive: true });
    for (const file of [log, join(temporary, "mat-debug.txt")]) writeFileSync(file, "");

    expect(telemetryLeftovers({ HOME }, temporary)).toEqual([folder, log]);
    expect(telemetryLeftovers({ XDG_CACHE_HOME: join(HOME, ".cache") }, temporary)).toEqual([
      folder,
      log,
    ]);
    expect(telemetryLeftovers({}, temporaryFolder())).toEqual([]);
  });
});
