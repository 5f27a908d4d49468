import { writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CODEC_NAMES, type CodecName } from "../../consensus/index.ts";
import { RUN_MODES, type RunMode } from "../../types.ts";
import { bytes, table } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { decimalNumber, wholeNumber } from "./number-flags.ts";
import { loadTestnetModule } from "./testnet-door.ts";

type BytesToLoss = typeof import("../../../testnet/federation/bytes-to-loss.ts");
type Picture = typeof import("../../../testnet/federation/bytes-picture.ts");
type Run = Awaited<ReturnType<BytesToLoss["bytesToLoss"]>>[number];

/** `klatch bench bytes-to-loss`: what a loss costs in bytes, by codec, rank and outer step. */
export function defineBytesToLoss(command: Command, terminal: Terminal): void {
  command
    .command("bytes-to-loss")
    .description(
      "loss against bytes sent, by codec, rank and outer step: real training, no network",
    )
    .requiredOption("--model <name>", "the base model: a folder, or owner/name of the hub")
    .requiredOption("--data <path>", "a folder with one file for each peer, or a file to deal out")
    .option("--test <path>", "the common test set (default: set aside)")
    .addOption(new Option("--mode <mode>", "how rounds end").choices(RUN_MODES).default("agreed"))
    .option("--codecs <names>", "codecs, comma between", codecsIn, CODEC_NAMES)
    .option(
      "--ranks <list>",
      "ranks of the LoRA factors; 2/4/8: members have them in turn",
      ranksIn,
      ["8"],
    )
    .option("--outer-momenta <list>", "momenta of the outer step", sharesIn, [0, 0.6])
    .addOption(
      new Option("--factors <name>", "LoRA factors that train").choices([
        "both",
        "alternate",
        "ffa",
      ]),
    )
    .option("--learning-rate <x>", "AdamW step size (default: by the method)", Number)
    .option("--proximal <mu>", "FedProx: pull to the state a round starts from", Number)
    .option("--warm-up <n>", "first rounds with updates as int8", wholeNumber(0, 1000))
    .option("--feedback <x>", "share of what was lost that comes next", decimalNumber(0, 1))
    .option("--partition <split>", "by-file, iid, dirichlet:ALPHA, by:FIELD")
    .option("--peers <n>", "members", wholeNumber(2, 1000), 10)
    .option("--rounds <n>", "rounds", wholeNumber(1, 100_000), 24)
    .option("--steps <n>", "local steps per round", wholeNumber(1, 100_000), 20)
    .option("--seeds <n>", "seeds from 1 on", wholeNumber(1, 100), 1)
    .option("--picture <file>", "write the curves as PNG")
    .option("--json", "print one JSON document")
    .action(async (flags: Flags) => {
      const { json, picture, outerMomenta: momenta, ...rest } = flags;
      const bench = await loadTestnetModule<BytesToLoss>("federation/bytes-to-loss");
      const runs = await bench.bytesToLoss({ ...rest, momenta }, (text) => terminal.note(text));
      if (picture !== undefined) {
        const { bytesPicture } = await loadTestnetModule<Picture>("federation/bytes-picture");
        writeFileSync(picture, bytesPicture(runs));
      }
      if (json === true) return terminal.json({ runs });
      for (const line of described(runs, bench)) terminal.line(line);
    });
}

// --- internal ---

interface Flags {
  readonly model: string;
  readonly data: string;
  readonly mode: RunMode;
  readonly codecs: readonly CodecName[];
  readonly ranks: readonly string[];
  readonly outerMomenta: readonly number[];
  readonly seeds: number;
  readonly picture?: string;
  readonly json?: boolean;
}

/** The first run is what the others are compared with, and int8 of the same rank, momentum and seed. */
function described(
  runs: readonly Run[],
  { nameOf, bytesAt, rateToInt8 }: BytesToLoss,
): readonly string[] {
  const target = 1.05 * (runs[0]?.loss.at(-1) ?? 0);
  const rows = runs.map((run) => {
    const needed = bytesAt(run, target);
    return [
      nameOf(run),
      run.loss.at(-1)?.toFixed(3) ?? null,
      bytes(run.bytesPerPeer.at(-1) ?? 0),
      needed === null ? "not reached" : bytes(needed),
      rateToInt8(run, runs)?.toFixed(3) ?? null,
    ];
  });
  const headers = ["run", "test loss", "sent to each", `until ${target.toFixed(3)}`, "to int8"];
  return table(headers, rows);
}

function codecsIn(list: string): readonly CodecName[] {
  return list.split(",").map((word) => {
    const name = CODEC_NAMES.find((each) => each === word);
    if (name !== undefined) return name;
    throw new InvalidArgumentError(`expected some of ${CODEC_NAMES.join(", ")}.`);
  });
}

function ranksIn(list: string): readonly string[] {
  for (const word of list.split(/[,/]/)) wholeNumber(1, 256)(word);
  return list.split(",");
}

function sharesIn(list: string): readonly number[] {
  return list.split(",").map((word) => {
    const share = Number(word);
    if (word.trim() !== "" && share >= 0 && share <= 0.95) return share;
    throw new InvalidArgumentError("expected numbers from 0 to 0.95, comma between.");
  });
}
