import { type Command, InvalidArgumentError, Option } from "commander";
import { KlatchError } from "../../errors.ts";
import {
  adapterTargets,
  type BenchModelOptions,
  type BenchTrainOptions,
  benchGenerate,
  benchTrain,
  isKnownShape,
  KNOWN_SHAPES,
} from "../../training/index.ts";
import type { BaseDType, EngineChoice } from "../../types.ts";
import { BUNDLED_MODEL } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import { bundledModel } from "../folders/package-folder.ts";
import { downloadView } from "../view/download-view.ts";
import type { Terminal } from "../view/terminal.ts";
import { defineBytesToLoss } from "./bench-bytes.ts";
import { defineCodec } from "./bench-codec.ts";
import { defineEngines } from "./bench-engines.ts";
import { engineOption } from "./engine-option.ts";
import { cacheOption, dtypeOption, MODEL_HELP } from "./model-use.ts";
import { wholeNumber } from "./number-flags.ts";

type Shape = NonNullable<BenchModelOptions["shape"]>;

const SHAPES = Object.keys(KNOWN_SHAPES).join(", ");
const SHAPE_HELP = `a random model: ${SHAPES}, or d,layers,heads,kv,ff,vocab`;

/** `klatch bench`: what this machine does, in tokens per second; what a loss costs in bytes; what codecs do. */
export function define(command: Command, terminal: Terminal): void {
  defineTrain(command, terminal);
  defineGenerate(command, terminal);
  defineEngines(command, terminal);
  defineBytesToLoss(command, terminal);
  defineCodec(command, terminal);
}

// --- internal ---

/** The options of every measurement: which model, and on what. */
function measured(command: Command): Command {
  return command
    .option("--model <name>", `${MODEL_HELP} (default: the bundled model)`)
    .addOption(cacheOption())
    .option("--shape <sizes>", SHAPE_HELP, parseShape)
    .option("--config <file>", "random weights for this config.json, of any architecture")
    .addOption(engineOption("onnx:cpu"))
    .option("--threads <n>", "CPU threads", wholeNumber(1, 256), 1)
    .addOption(dtypeOption())
    .option("--profile <prefix>", "write ONNX Runtime's profile to files of this name")
    .option("--json", "print one JSON document");
}

function defineTrain(command: Command, terminal: Terminal): void {
  measured(command.command("train").description("training speed on random tokens"))
    .option("--batch <n>", "rows per step", wholeNumber(1, 4096), 8)
    .option("--seq <n>", "tokens per row", wholeNumber(1, 131_072), 128)
    .option("--rank <n>", "rank of the LoRA factors", wholeNumber(1, 256), 8)
    .option("--targets <names>", "layers with an adapter: all, or q,v,...", "q,v")
    .option("--steps <n>", "timed steps", wholeNumber(1, 100_000), 20)
    .addOption(
      new Option("--recompute <choice>", "compute each block again in the backward pass")
        .choices(["on", "off"])
        .default("off"),
    )
    .option("--micro-batch <n>", "rows in one run at most", wholeNumber(1, 4096))
    .action(async (flags: TrainFlags) => {
      const result = await benchTrain(
        trainOptions(flags),
        hubOptions(flags.cache, { report: downloadView(terminal) }),
      );
      if (flags.json === true) return terminal.json(result);
      terminal.line(
        `engine      ${result.engine}, ${result.threads} threads, base in ${result.dtype}`,
      );
      terminal.line(`speed       ${Math.round(result.tokensPerSecond)} tokens per second`);
      terminal.line(
        `step        ${result.msPerStep.toFixed(1)} ms, ${result.batch} x ${result.sequence} tokens`,
      );
      terminal.line(`first step  after ${(result.msToFirstStep / 1000).toFixed(2)} s`);
      terminal.line(`loss        ${result.loss.toFixed(4)}`);
      const [peak, planned] = [result.peakRssBytes, result.plannedActivationBytes].map(mebibytes);
      terminal.line(`memory      ${peak} at most; ${planned} planned for activations`);
    });
}

function defineGenerate(command: Command, terminal: Terminal): void {
  measured(command.command("generate").description("speed of writing text after random tokens"))
    .option("--prompt <n>", "tokens of the prompt", wholeNumber(1, 131_072), 32)
    .option("--tokens <n>", "new tokens of a text", wholeNumber(1, 131_072), 64)
    .option("--texts <n>", "timed texts", wholeNumber(1, 100_000), 5)
    .action(async ({ prompt, tokens, texts, ...flags }: GenerateFlags) => {
      const result = await benchGenerate(
        { ...modelOptions(flags), prompt, tokens, texts },
        hubOptions(flags.cache, { report: downloadView(terminal) }),
      );
      if (flags.json === true) return terminal.json(result);
      terminal.line(
        `engine      ${result.engine}, ${result.threads} threads, base in ${result.dtype}`,
      );
      terminal.line(`speed       ${result.tokensPerSecond.toFixed(1)} tokens per second`);
      terminal.line(`memory      ${mebibytes(result.peakRssBytes)} at most`);
    });
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

interface ModelFlags {
  readonly model?: string;
  readonly cache: string;
  readonly shape?: Shape;
  readonly config?: string;
  readonly engine: EngineChoice;
  readonly threads: number;
  readonly dtype: BaseDType;
  readonly profile?: string;
  readonly json?: boolean;
}

interface TrainFlags extends ModelFlags {
  readonly batch: number;
  readonly seq: number;
  readonly rank: number;
  readonly targets: string;
  readonly steps: number;
  readonly recompute: "on" | "off";
  readonly microBatch?: number;
}

interface GenerateFlags extends ModelFlags {
  readonly prompt: number;
  readonly tokens: number;
  readonly texts: number;
}

function modelOptions(flags: ModelFlags): BenchModelOptions {
  const { engine, threads, dtype, profile } = flags;
  return {
    ...measuredModel(flags),
    engine,
    threads,
    dtype,
    ...(profile === undefined ? {} : { profile }),
  };
}

function measuredModel({
  model,
  shape,
  config,
}: Pick<ModelFlags, "model" | "shape" | "config">): Pick<
  BenchModelOptions,
  "model" | "shape" | "config"
> {
  const given = [model, shape, config].filter((each) => each !== undefined);
  if (given.length > 1) {
    const which = "--model, --shape and --config exclude one another";
    throw new KlatchError("usage", which, "give one of them");
  }
  if (shape !== undefined) return { shape };
  if (config !== undefined) return { config };
  return { model: model === undefined || model === BUNDLED_MODEL ? bundledModel() : model };
}

function trainOptions(flags: TrainFlags): BenchTrainOptions {
  const { batch, seq, rank, steps, targets, recompute, microBatch } = flags;
  return {
    ...modelOptions(flags),
    ...{ batch, sequence: seq, rank, steps, targets: adapterTargets(targets) },
    recompute: recompute === "on",
    ...(microBatch === undefined ? {} : { microBatch }),
  };
}

function parseShape(text: string): Shape {
  if (isKnownShape(text)) return text;
  const sizes = text.split(",").map(Number);
  const isShape = sizes.length === 6 && sizes.every((size) => Number.isInteger(size) && size > 0);
  if (isShape) return sizes as unknown as Shape;
  throw new InvalidArgumentError(
    `expected ${SHAPES}, or six sizes: hidden,layers,heads,kvHeads,ff,vocabulary.`,
  );
}
