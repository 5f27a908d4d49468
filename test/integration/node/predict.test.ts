import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runCommand, runJson } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { topicRows, writeEncoderFolder } from "../../unit/training/learner/encoder-folder.ts";
import { writeTinyFolder } from "../../unit/training/learner/model-folder.ts";

interface Answer {
  readonly line: number;
  readonly input: string;
  readonly prediction: string;
  readonly scores?: Readonly<Record<string, number>>;
}

function answersIn(file: string): readonly Answer[] {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
}

describe("klatch predict", () => {
  test("answers every row as generate answers its prompt", async () => {
    const [folder, out] = [temporaryFolder(), join(temporaryFolder(), "answers.jsonl")];
    await writeTinyFolder(folder);
    const data = join(folder, "asked.jsonl");
    writeFileSync(data, '{"q":"ab","a":"x"}\n{"q":"abc","a":"y"}\n');
    const model = ["--model", folder, "--max-tokens", "4"];

    const result = await runJson([
      "predict",
      ...model,
      "--data",
      data,
      "--columns",
      "prompt=q",
      "--out",
      out,
    ]);

    expect(result).toEqual({ out, rows: 2, interrupted: false });
    const answers = answersIn(out);
    expect(answers.map(({ line, input }) => [line, input])).toEqual([
      [1, "ab"],
      [2, "abc"],
    ]);
    const { text } = await runJson<{ text: string }>(["generate", ...model, "--prompt", "abc"]);
    expect(answers[1]?.prediction).toBe(text);
  });

  test("tells the class of every row, and how likely each is, as eval counts it", async () => {
    const [folder, out] = [temporaryFolder(), temporaryFolder()];
    await writeEncoderFolder(folder);
    const head = join(out, "head");
    const train = ["--model", folder, "--data", join(folder, "train.jsonl"), "--steps", "30"];
    const rate = ["--run-optimizer-learning-rate", "0.02", "--run-sequence-max", "16"];
    await runJson(["train", "--run-task", "classification", ...train, ...rate, "--out", head]);
    const use = ["--model", folder, "--adapter", head, "--data", join(folder, "test.jsonl")];
    const file = join(out, "answers.jsonl");

    await runJson(["predict", ...use, "--out", file]);

    const [answers, rows] = [answersIn(file), topicRows(90, 2)];
    expect(answers.map(({ input }) => input)).toEqual(rows.map(({ text }) => text));
    const right = answers.filter(({ prediction }, row) => prediction === rows[row]?.label).length;
    const measured = await runJson<{ exactMatch: number }>(["eval", ...use]);
    expect(right / rows.length).toBeCloseTo(measured.exactMatch, 9);
    for (const { prediction, scores = {} } of answers) {
      const shares = Object.values(scores);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 4);
      expect(scores[prediction]).toBe(Math.max(...shares));
    }
  });

  test("replaces nothing unasked, and names a row that asks nothing without repeating it", async () => {
    const [folder, out] = [temporaryFolder(), join(temporaryFolder(), "answers.jsonl")];
    await writeTinyFolder(folder);
    writeFileSync(out, "kept");
    const data = join(folder, "asked.jsonl");
    writeFileSync(data, '{"prompt":"a"}\n{"diary":"secret"}\n');
    const asked = ["predict", "--model", folder, "--data", data, "--max-tokens", "1", "--out", out];

    expect(await runCommand(asked)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--force"),
    });
    expect(readFileSync(out, "utf8")).toBe("kept");

    const { code, stderr } = await runCommand([...asked, "--force"]);
    expect(code).toBe(3);
    expect(stderr).toContain(`${data}:2: no column prompt, text or instruction`);
    expect(stderr).not.toContain("secret");
    // What was answered until then is there.
    expect(answersIn(out)).toHaveLength(1);
  });

  test.each([
    [["predict", "--data", "x"], "--out is missing"],
    [["predict", "--out", "x"], "--data is missing"],
  ])("%j says what is missing", async (args, text) => {
    expect(await runCommand(args)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(text),
    });
  });
});
