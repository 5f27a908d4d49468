import { mkdtemp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../support/command-line.ts";
import { startCli } from "../../support/klatch-cli.ts";
import { writeTinyFolder } from "../../unit/training/learner/model-folder.ts";

/** Enough of them that a signal arrives in the middle. */
const STEPS = 200;

let folder: string;
let results: string;
/** Of a training that nothing interrupts. */
let whole: Outcome;

interface Outcome {
  readonly adapter: Buffer;
  readonly losses: readonly string[];
}

beforeAll(async () => {
  results = await mkdtemp(join(tmpdir(), "klatch-resumed-"));
  folder = await mkdtemp(join(tmpdir(), "klatch-resume-"));
  await writeTinyFolder(folder);
  const { code } = await runCommand(flags("whole"));
  expect(code).toBe(0);
  whole = await outcome("whole");
});

afterAll(async () => {
  for (const each of [folder, results]) await rm(each, { recursive: true });
});

/** `klatch train` on the tiny model, with a schedule, factors that alternate, and a test set. */
function flags(name: string, ...more: string[]): string[] {
  const data = join(folder, "data.jsonl");
  return [
    ...["train", "--model", folder, "--data", data, "--test", data, "--engine-threads", "1"],
    ...["--run-sequence-max", "16", "--run-batch-size", "4", "--run-factors", "alternate"],
    ...["--run-optimizer-schedule", "cosine", "--steps", String(STEPS), "--evaluate-every", "10"],
    ...["--out", join(results, name), "--history", join(results, `${name}.csv`), ...more],
  ];
}

/** The adapter of a training, and its history without the time that each step took. */
async function outcome(name: string): Promise<Outcome> {
  const history = await readFile(join(results, `${name}.csv`), "utf8");
  const losses = history.split("\n").map((line) => line.split(",").slice(0, -1).join(","));
  return { adapter: await readFile(join(results, name, "adapter_model.safetensors")), losses };
}

/** Begins a training as a process of its own and ends it by a signal once two checkpoints lie there. */
async function interrupted(name: string, signal: NodeJS.Signals): Promise<void> {
  const child = startCli(flags(name));
  await child.line((line) => line.startsWith("step 30/"));
  child.kill(signal);
  await child.ended();
}

const checkpointsOf = (name: string) => readdir(join(results, name, "checkpoint"));

describe("klatch train --resume", () => {
  test.each(["SIGKILL", "SIGINT"] as const)("after %s ends with the same bytes", async (signal) => {
    await interrupted(signal, signal);
    expect(await checkpointsOf(signal)).not.toEqual([]);

    const resumed = await runCommand(flags(signal, "--resume", "--json"));

    expect(resumed).toMatchObject({ code: 0, stderr: expect.stringMatching(/resume +goes on/) });
    const report = JSON.parse(resumed.stdout);
    expect(report).toMatchObject({ steps: STEPS, reason: "finished", checkpoint: null });
    expect(report.resumedFrom).toBeGreaterThanOrEqual(10);
    expect(report.resumedFrom).toBeLessThan(STEPS);
    expect(report.before.loss).toBeGreaterThan(report.test.loss);
    expect(await outcome(signal)).toEqual(whole);
    // What is over leaves an adapter's folder alone.
    await expect(checkpointsOf(signal)).rejects.toThrow("ENOENT");
  });

  test("goes back to the checkpoint before a damaged one", async () => {
    await interrupted("damaged", "SIGKILL");
    const newest = (await checkpointsOf("damaged")).filter((name) => /klatch$/.test(name)).sort();
    expect(newest.length).toBe(2);
    await truncate(join(results, "damaged", "checkpoint", newest.at(-1) ?? ""), 1000);

    const resumed = await runCommand(flags("damaged", "--resume"));

    expect(resumed.stderr).toMatch(/is damaged \(its checksum/);
    expect(await outcome("damaged")).toEqual(whole);
  });

  test("names the settings that differ, and changes nothing", async () => {
    await interrupted("other", "SIGINT");
    const before = await checkpointsOf("other");

    const other = await runCommand(
      flags("other", "--resume", "--run-batch-size", "8", "--steps", "600"),
    );

    expect(other.code).not.toBe(0);
    expect(other.stderr).toMatch(
      /run\.batchSize 8, in the checkpoint 4; --steps 600, .* 200\nhint/,
    );
    expect(other.stderr).not.toMatch(/run\.seed/);
    expect(await checkpointsOf("other")).toEqual(before);
  });

  test("refuses where there is nothing to go on from, and beside --init", async () => {
    expect((await runCommand(flags("nothing", "--resume"))).stderr).toMatch(
      /nothing holds no checkpoint to go on from: .*\nhint: leave --resume out/,
    );
    expect((await runCommand(flags("x", "--resume", "--init", folder))).code).toBe(2);
    expect((await runCommand(flags("whole", "--resume"))).stderr).toMatch(/the training is over/);
  });
});
