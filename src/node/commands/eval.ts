import { resolve } from "node:path";
import type { Command } from "commander";
import type { ColumnMap } from "../../training/index.ts";
import type { Evaluation } from "../../types.ts";
import { dataNotes, describeCut } from "../view/data-notes.ts";
import type { Terminal } from "../view/terminal.ts";
import { addModelOptions, type ModelFlags, openModel, parseColumns } from "./model-use.ts";
import { required } from "./number-flags.ts";

/** `klatch eval`: loss, perplexity and exact match of a model, with or without an adapter, on rows of data. */
export function define(command: Command, terminal: Terminal): void {
  addModelOptions(command);
  command
    .option(
      "--data <file...>",
      "files or folders: JSONL, JSON, CSV, TSV, Parquet or text (required)",
    )
    .option(
      "--columns <map>",
      "column names, e.g. prompt=question,completion=answer",
      parseColumns,
      {},
    )
    .option(
      "--separator <text>",
      "what stands between prompt and completion without white space (default: as the adapter was trained)",
    )
    .action(async (flags: EvalFlags) => {
      const files = required("--data", flags.data).map((file) => resolve(file));
      const { learner, adapter } = await openModel(flags, terminal, {
        files,
        columns: flags.columns,
      });
      try {
        const result = await learner.evaluate(adapter, "test");
        const { test, limit } = learner.info.data;
        const { truncated, cut, skipped, duplicates, notes } = test;
        if (flags.json === true) {
          return terminal.json({ ...result, truncated, cut, skipped, duplicates, notes });
        }
        for (const line of describe(result)) terminal.line(line);
        if (truncated + skipped > 0) {
          terminal.line(
            `rows         ${truncated} cut to ${describeCut([test], limit)}, ${skipped} empty and skipped`,
          );
        }
        for (const note of dataNotes(learner.info.data)) terminal.line(`note         ${note}`);
      } finally {
        await learner.close();
      }
    });
}

// --- internal ---

function describe(result: Evaluation): readonly string[] {
  const { loss, perplexity, exactMatch, macroF1, tokens, examples } = result;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  if (macroF1 !== undefined) {
    return [
      `loss         ${loss.toFixed(4)} nats per text`,
      `accuracy     ${percent(exactMatch)}`,
      `macro F1     ${percent(macroF1)}`,
      `texts        ${examples}`,
    ];
  }
  return [
    `loss         ${loss.toFixed(4)} nats per token`,
    `perplexity   ${perplexity.toFixed(3)}`,
    `exact match  ${percent(exactMatch)}`,
    `tokens       ${tokens} in ${examples} examples`,
  ];
}

interface EvalFlags extends ModelFlags {
  readonly data?: readonly string[];
  readonly columns: ColumnMap;
  readonly json?: boolean;
}
