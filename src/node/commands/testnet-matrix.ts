import type { Command } from "commander";
import { BUNDLED_MODEL } from "../config/config.ts";
import { bundledModel } from "../folders/package-folder.ts";
import type { Terminal } from "../view/terminal.ts";
import { MODEL_HELP } from "./model-use.ts";
import { decimalNumber, wholeNumber } from "./number-flags.ts";
import { loadTestnetModule } from "./testnet-door.ts";

type MatrixModule = typeof import("../../../testnet/matrix/index.ts");
type Input = Parameters<MatrixModule["runMatrix"]>[0];

/** `klatch testnet matrix`: what attacks leave of the gain of a federation, by rule. */
export function defineMatrix(command: Command, terminal: Terminal): void {
  command
    .command("matrix")
    .description("attacks by rules: what is left of the gain, with real training in this process")
    .option("--model <name>", MODEL_HELP, BUNDLED_MODEL)
    .requiredOption("--data <path>", "JSONL or CSV file, or a folder of them")
    .option("--test <path>", "common test set, a file or a folder (pooled)")
    .option("--columns <map>", "column names, e.g. prompt=question,completion=answer")
    .option("--attacks <list>", "attacks with commas between, none among them, or all", "all")
    .option("--rules <list>", "mixing rules of mode agreed", "check-twins,mean")
    .option("--attackers <list>", "how many of the peers attack: the last ones", "2")
    .option("--modes <list>", "agreed; mode gossip needs a network", "agreed")
    .option("--splits <list>", "by-file, iid, dirichlet:ALPHA, by:FIELD", "dirichlet:1.0")
    .option("--codecs <list>", "how updates travel", "int8")
    .option("--seeds <n>", "seeds from 1 on", wholeNumber(1, 100), 1)
    .option("--lies", "have attackers call every honest update harmful in their ballots, too")
    .option("--simulate", "in this process, without network (what there is)")
    .option("--peers <n>", "members, attackers included", wholeNumber(2, 100), 10)
    .option("--rounds <n>", "rounds", wholeNumber(1, 10_000), 12)
    .option("--steps <n>", "local steps per round", wholeNumber(1, 10_000), 20)
    .option("--batch-size <n>", "examples per step", wholeNumber(1, 1024))
    .option("--learning-rate <x>", "AdamW step size", decimalNumber(0, 1))
    .option("--rank <n>", "rank of the LoRA factors", wholeNumber(1, 256))
    .option("--task <name>", "what is learned")
    .option("--outer-momentum <x>", "momentum of the agreed state", decimalNumber(0, 0.95))
    .option(
      "--canaries <n>",
      "made-up requests to refuse in each honest share",
      wholeNumber(0, 384),
    )
    .option("--no-gate", "without judging updates on held-out examples")
    .option("--threads <n>", "engine threads", wholeNumber(1, 64))
    .requiredOption("--report <folder>", "matrix.json, matrix.md, matrix.png, and each cell")
    .option("--json", "print one JSON document")
    .action(async ({ json, ...flags }: Input & { readonly json?: boolean }) => {
      const matrix = await loadTestnetModule<MatrixModule>("matrix/index");
      const model = flags.model === BUNDLED_MODEL ? bundledModel() : flags.model;
      const made = await matrix.runMatrix({ ...flags, model }, (text) => terminal.note(text));
      matrix.writeMatrix(made, flags.report);
      if (json === true) terminal.json(made);
      else terminal.line(matrix.matrixMarkdown(made).trimEnd());
    });
}
