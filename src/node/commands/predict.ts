import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { KlatchError } from "../../errors.ts";
import { type ColumnMap, type Learner, type RowInput, readInputs } from "../../training/index.ts";
import { EXIT_INTERRUPTED } from "../process/lifecycle.ts";
import { fileError } from "../store/file-system.ts";
import type { Terminal } from "../view/terminal.ts";
import { addModelOptions, type ModelFlags, openModel, parseColumns } from "./model-use.ts";
import { decimalNumber, required, wholeNumber } from "./number-flags.ts";

/** Texts that a classifier is given at once. */
const TEXTS_AT_ONCE = 256;

/**
 * `klatch predict`: answers every row of a file, with what the model writes or with the class it tells, one JSON
 * object a line. What is answered is on disk at once; an interrupted file holds what was answered until then.
 */
export function define(command: Command, terminal: Terminal): void {
  addModelOptions(command);
  command
    .option("--data <file...>", "files or folders with prompts, texts or instructions (required)")
    .option("--out <file>", "JSON Lines file for the answers (required)")
    .option("--force", "replace a file that --out names already")
    .option("--columns <map>", "column names, e.g. prompt=question", parseColumns, {})
    .option("--max-tokens <n>", "longest answer", wholeNumber(1, 100_000), 64)
    .option("--temperature <t>", "0 takes the likeliest token", decimalNumber(0, 100), 0)
    .option("--seed <n>", "seed of the draw", wholeNumber(0, 4_294_967_295), 1)
    .action(async (flags: Flags) => {
      const files = required("--data", flags.data).map((file) => resolve(file));
      const out = newFile(resolve(required("--out", flags.out)), flags.force === true);
      const { learner, adapter } = await openModel(flags, terminal);
      try {
        const rows = await answerAll(learner, adapter, { files, out, flags, terminal });
        if (flags.json === true) terminal.json({ out, ...rows });
        else terminal.line(`${rows.rows} rows answered in ${out}`);
        if (rows.interrupted) terminal.fail(EXIT_INTERRUPTED);
      } finally {
        await learner.close();
      }
    });
}

// --- internal ---

interface Flags extends ModelFlags {
  readonly data?: readonly string[];
  readonly out?: string;
  readonly force?: boolean;
  readonly columns: ColumnMap;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly json?: boolean;
}

interface Work {
  readonly files: readonly string[];
  readonly out: string;
  readonly flags: Flags;
  readonly terminal: Terminal;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Made before a model is loaded. Throws `usage` where there is one that nobody said to replace. */
function newFile(file: string, mayReplace: boolean): string {
  if (existsSync(file) && !mayReplace) {
    throw new KlatchError(
      "usage",
      `${file} is there already`,
      "choose another file, or replace it with --force",
    );
  }
  try {
    writeFileSync(file, "");
    return file;
  } catch (error) {
    throw fileError(error, file);
  }
}

async function answerAll(learner: Learner, adapter: Float32Array, work: Work) {
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    for (const signal of SIGNALS) process.removeListener(signal, stop);
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  let rows = 0;
  try {
    for await (const asked of groups(work, learner.info.classes === null ? 1 : TEXTS_AT_ONCE)) {
      if (isStopped) break;
      const answers = await answersTo(learner, adapter, asked, work.flags);
      appendFileSync(work.out, answers.map((answer) => `${JSON.stringify(answer)}\n`).join(""));
      rows += asked.length;
      work.terminal.overwrite(`${rows} rows answered`);
    }
    work.terminal.overwrite("");
    return { rows, interrupted: isStopped };
  } catch (error) {
    if (error instanceof Error && "syscall" in error) throw fileError(error, work.out);
    throw error;
  } finally {
    stop();
  }
}

async function* groups({ files, flags }: Work, most: number): AsyncGenerator<readonly RowInput[]> {
  let group: RowInput[] = [];
  for await (const input of readInputs(files, flags.columns)) {
    group.push(input);
    if (group.length < most) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** One object for each row: where it stands, what it asks, and the answer; of a classifier how likely each class is. */
async function answersTo(
  learner: Learner,
  adapter: Float32Array,
  asked: readonly RowInput[],
  { maxTokens, temperature, seed }: Flags,
): Promise<readonly object[]> {
  const { classes, labels } = learner.info;
  if (classes === null) {
    const answers: object[] = [];
    for (const { line, text: input } of asked) {
      const request = { prompt: input, maxTokens, temperature, seed };
      answers.push({ line, input, prediction: await learner.generate(adapter, request) });
    }
    return answers;
  }
  const shares = await learner.classify(
    adapter,
    asked.map(({ text }) => text),
  );
  return asked.map(({ line, text: input }, row) => {
    const scores = shares[row] ?? [];
    const likeliest = classes[scores.indexOf(Math.max(...scores))];
    const held = classes.filter((_, i) => (scores[i] ?? 0) > 0.5);
    const prediction = labels === "one" ? likeliest : held;
    const named = Object.fromEntries(classes.map((name, i) => [name, rounded(scores[i] ?? 0)]));
    return { line, input, prediction, scores: named };
  });
}

function rounded(share: number): number {
  return Math.round(share * 1e6) / 1e6;
}
