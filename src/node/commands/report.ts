import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { KlatchError } from "../../errors.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { CONFIG_FILE, loadConfig } from "../config/load.ts";
import { checkOutFolder } from "../folders/out-folder.ts";
import { openCheckpoint } from "../past/open-checkpoint.ts";
import { PastRuns } from "../past/past-runs.ts";
import { compare } from "../report/measure.ts";
import { type NodeReport, nodeReport } from "../report/node-report.ts";
import { sectionsOf } from "../report/sections.ts";
import { worthOf } from "../report/worth.ts";
import { reportHtml, reportMarkdown, reportPng } from "../report/written.ts";
import { writeAtomically } from "../store/atomic-file.ts";
import { realFileSystem } from "../store/file-system.ts";
import { downloadView } from "../view/download-view.ts";
import type { Terminal } from "../view/terminal.ts";
import { TrainProgress } from "../view/train-progress.ts";
import { addConfigOptions, configOf, sourcesOf } from "./config-options.ts";
import { required } from "./number-flags.ts";

/**
 * `klatch report`: whether a run was worth it for this organisation, as Markdown, HTML, PNG and JSON. The node may run,
 * or not.
 */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command);
  command
    .argument("[folder]", "folder of a node's klatch.yaml, or its data folder (default: here)")
    .option("--out <folder>", "folder to write to (required)")
    .option("--run <id>", "a run of `klatch runs`, by the beginning of its id (default: the last)")
    .option("--no-local-only", "leave out training alone, which takes as long as the run trained")
    .option("--no-worth", "leave out what each member's updates were worth to us (mode agreed)")
    .option("--watts <n>", "what the machine takes while it trains, for an estimate", wattsOf)
    .option("--json", "print the report as one JSON document, too")
    .action(async (folder: string | undefined, flags: Flags) => {
      const out = resolve(required("--out", flags.out));
      checkOutFolder(out);
      const report = await make(settingsOf(command, folder), flags, terminal);
      write(report, out);
      if (flags.json === true) return terminal.json(report);
      for (const line of sectionsOf(report)[0]?.lines ?? []) terminal.line(line);
      terminal.line(`written to ${join(out, "report.html")}, report.md, report.png, report.json`);
    });
}

// --- internal ---

interface Flags {
  readonly out?: string;
  readonly run?: string;
  readonly localOnly: boolean;
  readonly worth: boolean;
  readonly watts?: number;
  readonly json?: boolean;
  readonly model?: string;
}

function wattsOf(typed: string): number {
  const watts = Number(typed);
  if (watts > 0 && watts <= 1e6) return watts;
  throw new InvalidArgumentError("a number above 0, to 1000000");
}

function settingsOf(command: Command, folder: string | undefined): Config {
  if (folder === undefined) return configOf(command);
  const there = resolve(folder);
  const file = join(there, CONFIG_FILE);
  const sources = sourcesOf(command);
  if (existsSync(file)) return loadConfig({ ...sources, file });
  return loadConfig({ ...sources, flags: { ...sources.flags, dataDir: there } });
}

async function make(config: Config, flags: Flags, terminal: Terminal): Promise<NodeReport> {
  const hub = hubOptions(config.cache, { report: downloadView(terminal) });
  const note = (sentence: string) => terminal.note(sentence);
  const choice = { run: flags.run ?? null, round: null };
  const checkpoint = await openCheckpoint(config, choice, {
    ...{ hub, note, isModelNamed: flags.model !== undefined },
  });
  const runs = new PastRuns(config.dataDir, note);
  try {
    const { learner, values: federated, origin, begin, steps } = checkpoint;
    const run = origin?.runId ?? "";
    const record = runs.record(run);
    if (record === null) {
      const hint = "runs of earlier versions wrote too little down";
      throw new KlatchError("data", `${config.dataDir} does not say what the run was`, hint);
    }
    const all = steps * (origin?.round ?? 0);
    const unit = record.classes === null ? "tokens" : "texts";
    const progress = new TrainProgress(all, terminal, unit);
    if (flags.localOnly) note(`training alone for ${all} steps, as many as the run had`);
    const alone = flags.localOnly ? { steps: all, show: progress.show.bind(progress) } : null;
    const comparisons = await compare(learner, { begin: await begin(), federated }, alone);
    const isMeasured = flags.worth && checkpoint.proof !== null;
    const worth = isMeasured ? await worthOf(learner, { runs, run }, note) : new Map();
    const { watts = null } = flags;
    return await nodeReport({ runs, run }, record, { checkpoint, comparisons, worth, watts });
  } finally {
    runs.close();
    await checkpoint.learner.close();
  }
}

function write(report: NodeReport, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    ["report.json", `${JSON.stringify(report, null, 2)}\n`],
    ["report.md", reportMarkdown(report)],
    ["report.html", reportHtml(report)],
    ["report.png", reportPng(report)],
  ];
  for (const [name, content] of files) {
    writeAtomically(realFileSystem, join(folder, name), [Buffer.from(content)]);
  }
}
