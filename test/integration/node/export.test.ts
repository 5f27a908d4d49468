import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand, runJson } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { topicRows } from "../../unit/training/learner/encoder-folder.ts";
import { writeTinyFolder } from "../../unit/training/learner/model-folder.ts";

const PREFIX = join(tmpdir(), "klatch-test-");

let model: string;
let adapter: string;
let data: string;

beforeAll(async () => {
  [model, adapter] = [mkdtempSync(PREFIX), mkdtempSync(PREFIX)];
  await writeTinyFolder(model);
  data = join(model, "data.jsonl");
  const rate = ["--run-optimizer-learning-rate", "0.02", "--run-optimizer-warmup-steps", "0"];
  const train = ["--model", model, "--data", data, "--steps", "20", "--out", adapter];
  await runJson(["train", ...train, ...rate]);
});

afterAll(() => {
  for (const folder of [model, adapter]) rmSync(folder, { recursive: true });
});

test("an adapter is exported as the same PEFT folder, whatever folder it comes from", async () => {
  const out = temporaryFolder();

  const result = await runJson(["export", "--model", model, "--adapter", adapter, "--out", out]);

  expect(result).toMatchObject({ adapter, folder: out, merged: false, run: null });
  for (const name of ["adapter_model.safetensors", "adapter_config.json", "klatch.json"]) {
    expect(readFileSync(join(out, name)).equals(readFileSync(join(adapter, name)))).toBe(true);
  }
});

test("an adapter stays where it is unless --force says otherwise", async () => {
  const out = temporaryFolder();
  const run = ["export", "--model", model, "--adapter", adapter, "--out", out];
  await runJson(run);

  const again = await runCommand(run);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain(`${out} holds an adapter already`);
  expect((await runCommand([...run, "--force"])).code).toBe(0);
});

test("a merged model measures like base and adapter, without the adapter", async () => {
  const out = join(temporaryFolder(), "merged");
  const lossOf = async (...which: string[]) =>
    (await runJson<{ loss: number }>(["eval", ...which, "--data", data])).loss;

  await runJson(["export", "--model", model, "--adapter", adapter, "--merged", "--out", out]);
  const card = readFileSync(join(out, "README.md"), "utf8");
  expect(card).toContain("library_name: transformers");
  expect(card).toContain("folded into the weights");

  const together = await lossOf("--model", model, "--adapter", adapter);
  expect(await lossOf("--model", out)).toBeCloseTo(together, 5);
  // Control: the base alone is worse.
  expect(await lossOf("--model", model)).toBeGreaterThan(1.1 * together);
});

test("a format without --merged, or one that is none, is a mistake", async () => {
  const common = ["export", "--model", model, "--adapter", adapter, "--out", temporaryFolder()];

  expect((await runCommand([...common, "--merged-dtype", "bf16"])).code).toBe(2);
  expect((await runCommand([...common, "--merged", "--merged-dtype", "int3"])).code).toBe(2);
});

test("a merged classifier is measured as what it is, and asks for no settings", async () => {
  const [folder, out] = [temporaryFolder(), temporaryFolder()];
  await writeTinyFolder(folder);
  for (const [name, count] of [
    ["train", 48],
    ["test", 30],
  ] as const) {
    const lines = topicRows(count, count).map((row) => JSON.stringify(row));
    writeFileSync(join(folder, `${name}.jsonl`), lines.join("\n"));
  }
  const tested = ["--data", join(folder, "test.jsonl")];
  const [head, merged] = [join(out, "head"), join(out, "merged")];
  const steps = [
    "--steps",
    "30",
    "--run-sequence-max",
    "16",
    "--run-optimizer-learning-rate",
    "0.02",
  ];
  const train = ["--model", folder, "--data", join(folder, "train.jsonl"), "--out", head, ...steps];
  await runJson(["train", "--run-task", "classification", ...train]);
  await runJson(["export", "--model", folder, "--adapter", head, "--merged", "--out", merged]);

  const together = await runJson<Measured>([
    "eval",
    "--model",
    folder,
    "--adapter",
    head,
    ...tested,
  ]);
  const alone = await runJson<Measured>(["eval", "--model", merged, ...tested]);

  expect(alone.exactMatch).toBe(together.exactMatch);
  expect(alone.loss).toBeCloseTo(together.loss, 5);
  // The classes are the model's, not those of the rows: one class alone is told apart from the others.
  const one = join(out, "one.jsonl");
  writeFileSync(one, '{"text":"the bread","label":"food"}\n');
  expect((await runCommand(["eval", "--model", merged, "--data", one])).code).toBe(0);
  const told = await runCommand(["generate", "--model", merged, "--prompt", "the bread"]);
  expect(told.stderr).toContain("a classifier tells the class of a text and writes none");
});

interface Measured {
  readonly loss: number;
  readonly exactMatch: number;
}
