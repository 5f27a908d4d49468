import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestProcess } from "../../support/child-process.ts";
import { runCommand } from "../../support/command-line.ts";
import { writeTinyFolder } from "../../unit/training/learner/model-folder.ts";

const CLI = join(import.meta.dirname, "../../../src/node/cli.ts");

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "klatch-train-"));
  await writeTinyFolder(folder);
});

afterAll(() => rm(folder, { recursive: true }));

/** `klatch train` on the tiny model and its data. */
function train(...more: string[]) {
  const data = join(folder, "data.jsonl");
  const fixed = [
    "--model",
    folder,
    "--data",
    data,
    "--run-sequence-max",
    "16",
    "--engine-threads",
    "1",
  ];
  return runCommand(["train", ...fixed, ...more]);
}

describe("klatch train", () => {
  test("trains alone and writes an adapter that eval finds better than the base model", async () => {
    const out = join(folder, "out");
    const trained = await train("--steps", "60", "--out", out, "--json");
    expect(trained.code).toBe(0);
    const report = JSON.parse(trained.stdout);
    expect(report).toMatchObject({ steps: 60, reason: "finished", error: null });
    expect(report.loss).toBeGreaterThan(0);
    expect(report.tokensPerSecond).toBeGreaterThan(0);
    const config = JSON.parse(await readFile(join(out, "adapter_config.json"), "utf8"));
    expect(config.peft_type).toBe("LORA");
    const evaluate = async (...adapter: string[]) => {
      const data = join(folder, "data.jsonl");
      const result = await runCommand([
        "eval",
        "--model",
        folder,
        "--data",
        data,
        "--json",
        ...adapter,
      ]);
      return JSON.parse(result.stdout).loss as number;
    };
    expect(await evaluate("--adapter", out)).toBeLessThan(0.9 * (await evaluate()));
  });

  test("tells a person of the data, on the lines of the result", async () => {
    const { code, stdout } = await train("--steps", "1", "--out", join(folder, "told"));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^note {8}\d+ examples to train on say the same as an earlier one$/m);
  });

  test("goes on from an adapter", async () => {
    const first = join(folder, "first");
    await train("--steps", "30", "--out", first, "--json");
    const data = join(folder, "data.jsonl");
    const out = join(folder, "second");
    const again = await train(
      "--steps",
      "5",
      "--init",
      first,
      "--test",
      data,
      "--out",
      out,
      "--json",
    );
    const report = JSON.parse(again.stdout);
    const fresh = JSON.parse(
      (await train("--steps", "5", "--test", data, "--out", join(folder, "third"), "--json"))
        .stdout,
    );
    expect(report.before.loss).toBeLessThan(fresh.before.loss);
  });

  test("leaves the best adapter so far when it is killed", async () => {
    const out = join(folder, "killed");
    const data = join(folder, "data.jsonl");
    const flags = ["--model", folder, "--data", data];
    const endless = ["--run-sequence-max", "16", "--steps", "1000000", "--evaluate-every", "5"];
    const killed = new TestProcess(CLI, ["train", ...flags, ...endless, "--out", out]);
    // The state of step 5 is written before the next step begins.
    await killed.line((line) => line.startsWith("step 10/"));
    killed.kill("SIGKILL");
    await killed.ended();
    const { stdout } = await runCommand(["eval", "--adapter", out, ...flags, "--json"]);
    expect(JSON.parse(stdout).loss).toBeGreaterThan(0);
  });

  test("says what is missing in a line with a hint", async () => {
    const noOut = await train("--steps", "1");
    expect(noOut.code).toBe(2);
    expect(noOut.stderr).toMatch(/error: --out is missing\nhint: /);
    const noData = await runCommand(["train", "--model", folder, "--out", join(folder, "x")]);
    expect(noData.stderr).toMatch(/error: --data is missing/);
    const patient = ["--patience", "2", "--data-held-out-share", "0"];
    const noLoss = await train("--steps", "1", "--out", join(folder, "x"), ...patient);
    expect(noLoss.code).toBe(2);
    expect(noLoss.stderr).toMatch(/error: --patience has no loss to go by.*\nhint: /);
  });
});
