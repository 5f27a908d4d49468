import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../../src/node/doctor/check.ts";
import { runCommand } from "../../support/command-line.ts";
import { writeEncoderFolder } from "../../unit/training/learner/encoder-folder.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "klatch-doctor-test-"));
  await writeEncoderFolder(folder);
  await runCommand(["init", folder]);
});

afterAll(() => rm(folder, { recursive: true }));

/** What the doctor says of learning with an encoder. */
async function learning(...more: string[]): Promise<ReadonlyMap<string, Check>> {
  const fixed = ["--config", join(folder, "klatch.yaml"), "--model", folder, "--json"];
  const rest = ["--engine", "onnx:cpu", "--run-sequence-max", "16", "--status-port", "0"];
  const listen = ["--network-listen", "/ip4/127.0.0.1/tcp/0"];
  const { stdout } = await runCommand(["doctor", ...fixed, ...rest, ...listen, ...more]);
  const { checks } = JSON.parse(stdout) as { checks: readonly Check[] };
  return new Map(checks.map((check) => [check.name, check]));
}

describe("the doctor of a classifier", () => {
  const task = ["--run-task", "classification"];

  test("takes the classes of the data where none are listed", async () => {
    const checks = await learning(...task, "--data-train", join(folder, "train.jsonl"));
    expect(checks.get("model")).toMatchObject({ status: "pass" });
    expect(checks.get("data")).toMatchObject({ status: "pass" });
    expect(checks.get("engine")?.detail).toMatch(/a training step of \d+ tokens took/);
  });

  test("tries a step on rows of its own where there is no data, with classes listed or not", async () => {
    for (const classes of [[], ["--run-classes", "x,y,z"]]) {
      const checks = await learning(...task, ...classes);
      expect(checks.get("model")).toMatchObject({ status: "pass" });
      // A node would not start.
      expect(checks.get("data")).toMatchObject({
        status: "fail",
        detail: expect.stringContaining("data.train is empty"),
      });
      expect(checks.get("engine")).toMatchObject({ status: "pass" });
    }
  });

  test("says that an encoder learns nothing else (control)", async () => {
    const checks = await learning();
    expect(checks.get("model")).toMatchObject({
      status: "fail",
      fix: expect.stringContaining("run.task classification"),
    });
  });
});

test("the doctor says of a data folder that cannot be written why, and fails", async () => {
  const file = join(folder, "train.jsonl");
  const checks = await learning("--data-dir", join(file, "node"));

  expect(checks.get("disk")).toMatchObject({
    status: "fail",
    detail: expect.stringContaining("there is a file in its place or above it"),
  });
});
