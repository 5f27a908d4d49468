import { resolve } from "node:path";
import type { Command } from "commander";
import { KlatchError } from "../../errors.ts";
import { createLearner } from "../../training/index.ts";
import type { Config } from "../config.ts";
import { hubOptions } from "../hub-options.ts";
import { learnerOptions } from "../learner-options.ts";
import { runDigest } from "../manifest.ts";
import { readCheckpoint } from "../store/store.ts";
import { addConfigOptions, configOf } from "./config-options.ts";
import { downloadView } from "./download-view.ts";
import { required } from "./number-flags.ts";
import type { Terminal } from "./terminal.ts";

/** `klatch export`: the newest checkpoint of this node's run as a folder that Hugging Face PEFT loads. */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command);
  command
    .option("--out <folder>", "folder to write adapter_config.json and the tensors to")
    .option("--json", "print one JSON document")
    .action(async ({ out, json }: { out?: string; json?: boolean }) => {
      const result = await exportNewest(
        configOf(command),
        resolve(required("--out", out)),
        terminal,
      );
      if (json === true) return terminal.json(result);
      terminal.line(`adapter of round ${result.rounds} of run ${result.run}`);
      terminal.line(`written to ${result.folder}`);
    });
}

// --- internal ---

interface ExportResult {
  readonly folder: string;
  readonly run: string;
  /** Rounds that went into the adapter. */
  readonly rounds: number;
}

async function exportNewest(
  config: Config,
  folder: string,
  terminal: Terminal,
): Promise<ExportResult> {
  const hub = hubOptions(config.cache, { report: downloadView(terminal) });
  const learner = await createLearner(learnerOptions(config), hub);
  try {
    const run = runDigest(config.run, learner.info);
    const checkpoint = readCheckpoint(config.dataDir, run, (sentence) => terminal.note(sentence));
    if (checkpoint === null) {
      throw new KlatchError(
        "data",
        `${config.dataDir} holds no checkpoint of this run`,
        "run `klatch start` first, with the same configuration; the first round writes one",
      );
    }
    await learner.exportAdapter(checkpoint.adapter, folder);
    return { folder, run, rounds: checkpoint.round };
  } finally {
    await learner.close();
  }
}
