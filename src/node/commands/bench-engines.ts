import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { adapterTargets, benchEngines, type EngineResult } from "../../training/index.ts";
import { type BaseDType, ENGINE_NAMES, type EngineName } from "../../types.ts";
import { BUNDLED_MODEL } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { bundledModel } from "../folders/package-folder.ts";
import { downloadView } from "../view/download-view.ts";
import { bytes, table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { wrapped } from "../view/wrapped.ts";
import { cacheOption, dtypeOption, MODEL_HELP } from "./model-use.ts";
import { wholeNumber } from "./number-flags.ts";

/** `klatch bench engines`: the same training step on every engine that works here. */
export function defineEngines(command: Command, terminal: Terminal): void {
  command
    .command("engines")
    .description("the same training step on every engine, compared with onnx:cpu")
    .option("--model <name>", MODEL_HELP, BUNDLED_MODEL)
    .addOption(cacheOption())
    .option("--engines <names>", "engines to measure, comma between", parseEngines, ENGINE_NAMES)
    .addOption(dtypeOption())
    .option("--batch <n>", "rows per step", wholeNumber(1, 4096), 8)
    .option("--seq <n>", "tokens per row", wholeNumber(1, 131_072), 128)
    .option("--rank <n>", "rank of the LoRA factors", wholeNumber(1, 256), 8)
    .option("--targets <names>", "layers with an adapter: all, or q,v,...", "q,v")
    .option("--threads <n>", "CPU threads", wholeNumber(1, 256), availableParallelism())
    .option("--steps <n>", "timed steps, at most", wholeNumber(1, 100_000), 20)
    .option("--seconds <n>", "time for them on each engine", wholeNumber(1, 86_400), 10)
    .option("--limit <n>", "seconds after which an engine is given up", wholeNumber(1, 86_400), 300)
    .option("--json", "print one JSON document")
    .action(async ({ json, cache, model, seq, targets, ...rest }: Flags) => {
      const options = {
        ...rest,
        model: model === BUNDLED_MODEL ? bundledModel() : model,
        sequence: seq,
        targets: adapterTargets(targets),
      };
      const hub = hubOptions(cache, { report: downloadView(terminal) });
      const engines = await benchEngines(options, hub);
      const { batch, threads, rank, dtype } = rest;
      const task = { batch, sequence: seq, rank, threads, dtype };
      if (json === true) return terminal.json({ engines, ...task });
      for (const line of describe(engines, terminal.columns)) terminal.line(line);
    });
}

// --- internal ---

interface Flags {
  readonly model: string;
  readonly cache: string;
  readonly engines: readonly EngineName[];
  readonly batch: number;
  readonly seq: number;
  readonly rank: number;
  readonly targets: string;
  readonly threads: number;
  readonly dtype: BaseDType;
  readonly steps: number;
  readonly seconds: number;
  readonly limit: number;
  readonly json?: boolean;
}

function parseEngines(text: string): readonly EngineName[] {
  return text.split(",").map((word) => {
    const name = ENGINE_NAMES.find((each) => each === word);
    if (name !== undefined) return name;
    throw new InvalidArgumentError(`expected some of ${ENGINE_NAMES.join(", ")}.`);
  });
}

function describe(engines: readonly EngineResult[], columns: number | null): readonly string[] {
  const measured = engines.filter(({ available }) => available);
  const rows = measured.map(({ name, loss, gradientError, tokensPerSecond, peakBytes }) => [
    name,
    loss?.toFixed(5) ?? null,
    gradientError === 0 ? "0" : (gradientError?.toExponential(1) ?? null),
    tokensPerSecond === null ? null : Math.round(tokensPerSecond),
    peakBytes === null ? null : bytes(peakBytes),
  ]);
  return [
    ...table(["engine", "loss", "gradient error", "tokens/s", "memory"], rows),
    ...engines.flatMap(({ name, reason }) =>
      reason === null ? [] : [wrapped(`not ${name}: `, reason, columns)],
    ),
  ];
}
