import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../../src/node/doctor/check.ts";
import { ROOMS } from "../../../src/node/doctor/rooms.ts";
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
    // every engine by itself: what is not installed is not known to work
    expect(checks.get("engines onnx:cpu")).toMatchObject({ status: "pass" });
    expect(checks.get("engines tfjs:cpu")).toMatchObject({
      status: "pass",
      detail: expect.stringMatching(/a small step gave the known numbers in/),
    });
    expect(checks.get("engines tfjs:node")).toMatchObject({
      status: "unknown",
      detail: expect.stringContaining("is not installed"),
      fix: expect.stringContaining("npm install"),
    });
    for (const check of checks.values()) {
      expect(Object.keys(check).slice(0, 4)).toEqual(["name", "status", "detail", "fix"]);
      expect(check.fix === "", check.name).toBe(check.status === "pass");
      expect(`${check.detail}${check.fix}`, check.name).not.toContain("\n");
    }
  });

  test("tells it by rooms, in lines that fit a terminal", async () => {
    const fixed = [
      "--config",
      join(folder, "klatch.yaml"),
      "--model",
      folder,
      "--status-port",
      "0",
    ];
    const { code, stdout } = await runCommand(
      ["doctor", ...fixed, ...task, "--run-sequence-max", "16"],
      80,
    );

    // there is no data
    expect(code).toBe(1);
    for (const { title } of ROOMS) expect(stdout).toMatch(new RegExp(`^${title}$`, "m"));
    expect(stdout).toMatch(/^\d+ ok, \d+ warnings, \d+ failed, \d+ unknown: mend .*data.* first$/m);
    // behind the names a longer word, such as a path, stays whole
    const long = stdout.split("\n").filter((line) => line.length > 80);
    for (const line of long) expect(line.slice(29).trim()).not.toContain(" ");
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

describe("the doctor of a run with a budget", () => {
  const members = [
    "12D3KooWLmmAoYR4XQSzjBCUvN54u6oycubQnGv829J8LMhp8h4S",
    "12D3KooWGAX221r3r8b6iC7PsQct7Ebn5HBnDo8KHeckgbiD1uqM",
  ];
  const run = [
    ...["--run-task", "classification"],
    ...["--run-members", members.join(","), "--run-steps", "2"],
  ];
  const budget = (...more: string[]) =>
    learning(...run, "--data-train", join(folder, "train.jsonl"), ...more);

  test("says what is chosen, and that the link is slower than training", async () => {
    const checks = await budget("--bytes-per-round", "1MiB", "--link", "1kbit");
    expect(checks.get("bytes")).toMatchObject({
      status: "pass",
      detail: expect.stringMatching(/^int8, rank 8: about .* of at most 1.0 MiB/),
    });
    expect(checks.get("link")).toMatchObject({
      status: "warn",
      fix: expect.stringMatching(/^set run.steps to [0-9]+/),
    });
    // control
    const quick = await budget("--link", "1Tbit");
    expect(quick.get("link")).toMatchObject({ status: "pass" });
  });

  test("fails where nothing keeps to it, and looks at the rest all the same", async () => {
    const checks = await budget("--bytes-per-round", "1KiB");
    expect(checks.get("bytes")).toMatchObject({
      status: "fail",
      fix: expect.stringMatching(/^set run.bytesPerRound [0-9]+KiB at least/),
    });
    expect(checks.get("engine")).toMatchObject({ status: "pass" });
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
