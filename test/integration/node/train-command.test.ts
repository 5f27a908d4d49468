import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../support/command-line.ts";
import { startCli } from "../../support/klatch-cli.ts";
import { writeTinyFolder } from "../../unit/training/learner/model-folder.ts";

let folder: string;
/** Where results go: not among the files of the model. */
let results: string;

beforeAll(async () => {
  results = await mkdtemp(join(tmpdir(), "klatch-trained-"));
  folder = await mkdtemp(join(tmpdir(), "klatch-train-"));
  await writeTinyFolder(folder);
});

afterAll(async () => {
  for (const each of [folder, results]) await rm(each, { recursive: true });
});

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
    const out = join(results, "out");
    const trained = await train("--steps", "60", "--out", out, "--json");
    expect(trained.code).toBe(0);
    const report = JSON.parse(trained.stdout);
    expect(report).toMatchObject({ steps: 60, reason: "finished", error: null });
    expect(report.loss).toBeGreaterThan(0);
    // Prompts take as long as what is learned.
    expect(report.positions).toBeGreaterThan(report.tokens);
    expect(report.tokensPerSecond).toBeCloseTo(report.positions / report.seconds, 6);
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
    const { code, stdout } = await train("--steps", "1", "--out", join(results, "told"));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^note {8}\d+ examples to train on say the same as an earlier one$/m);
  });

  test("tells how much of the rows is cut away, and by what", async () => {
    const flags = ["--steps", "1", "--run-sequence-max", "8", "--force", "--out"];
    const { stdout } = await train(...flags, join(results, "cut"));
    expect(stdout.replace(/\s+/g, " ")).toMatch(
      /\d+ of \d+ rows cut to 8 tokens \(run\.sequenceMax\): \d+ % of their tokens lost/,
    );
    const report = JSON.parse((await train(...flags, join(results, "cut"), "--json")).stdout);
    const { truncated, cut } = report.data.train;
    expect(truncated).toBeGreaterThan(0);
    expect(cut).toEqual({ kept: 8 * truncated, lost: expect.any(Number), isLeast: false });
  });

  test("goes on from an adapter", async () => {
    const first = join(results, "first");
    await train("--steps", "30", "--out", first, "--json");
    const data = join(folder, "data.jsonl");
    const out = join(results, "second");
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
      (await train("--steps", "5", "--test", data, "--out", join(results, "third"), "--json"))
        .stdout,
    );
    expect(report.before.loss).toBeLessThan(fresh.before.loss);
  });

  test("goes through the data as often as it is told", async () => {
    const out = join(results, "epochs");
    const flags = ["--run-batch-size", "4", "--out", out, "--json"];
    const { stdout } = await train("--epochs", "1.5", ...flags);
    const report = JSON.parse(stdout);

    const { examples } = report.data.train;
    expect(report.steps).toBe(Math.ceil((1.5 * examples) / 4));
    expect(report.epochs).toBeCloseTo((report.steps * 4) / examples, 9);
    const both = await train("--epochs", "1", "--steps", "3", ...flags);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("--steps") });
  });

  test("keeps the loss of every step as CSV", async () => {
    const history = join(results, "history.csv");
    const flags = ["--evaluate-every", "2", "--history", history];
    await train("--steps", "5", "--out", join(results, "told-of"), ...flags);
    const [header, ...lines] = (await readFile(history, "utf8")).trimEnd().split("\n");

    expect(header).toBe("step,loss,held_out_loss,learning_rate,gradient_norm,tokens,seconds");
    const cells = lines.map((line) => line.split(","));
    expect(cells.map(([step]) => step)).toEqual(["1", "2", "3", "4", "5"]);
    // Measured after the steps 2, 4 and the last.
    expect(cells.map(([, , heldOut]) => heldOut !== "")).toEqual([false, true, false, true, true]);
    expect(cells.every(([, loss]) => Number(loss) > 0)).toBe(true);
  });

  test("replaces an adapter when told to, or when it goes on from it, and else leaves it", async () => {
    const out = join(results, "kept");
    await train("--steps", "1", "--out", out, "--json");
    const file = join(out, "adapter_model.safetensors");
    const before = await readFile(file);

    const again = await train("--steps", "2", "--out", out);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/kept holds an adapter already\nhint: .*--force/);
    expect((await readFile(file)).equals(before)).toBe(true);

    const goingOn = await train("--steps", "2", "--out", out, "--init", out);
    expect(goingOn.code).toBe(0);
    expect(goingOn.stderr).toMatch(/init +goes on from the adapter; the optimiser.* begin anew/);
    expect(again.stderr).not.toMatch(/anew/);
    expect((await readFile(file)).equals(before)).toBe(false);
    expect((await train("--steps", "1", "--out", out, "--force")).code).toBe(0);
  });

  test("leaves the best adapter so far when it is killed", async () => {
    const out = join(results, "killed");
    const data = join(folder, "data.jsonl");
    const flags = ["--model", folder, "--data", data];
    const endless = ["--run-sequence-max", "16", "--steps", "1000000", "--evaluate-every", "5"];
    const killed = startCli(["train", ...flags, ...endless, "--out", out]);
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
    const noData = await runCommand(["train", "--model", folder, "--out", join(results, "x")]);
    expect(noData.stderr).toMatch(/error: --data is missing/);
    const patient = ["--patience", "2", "--data-held-out-share", "0"];
    const noLoss = await train("--steps", "1", "--out", join(results, "x"), ...patient);
    expect(noLoss.code).toBe(2);
    expect(noLoss.stderr).toMatch(/error: --patience has no loss to go by.*\nhint: /);
  });
});
