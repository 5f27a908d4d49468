import { type Command, Option } from "commander";
import { z } from "zod";
import { TOPOLOGY_FORMS } from "../../consensus/index.ts";
import { MODEL_HELP } from "./model-use.ts";
import { decimalNumber, wholeNumber } from "./number-flags.ts";

/** One flag of `klatch testnet up|run`; what it accepts, and its default, are decided by the testnet itself. */
interface Flag {
  readonly flags: string;
  readonly text: string;
  readonly parse?: (text: string) => number;
}

const whole = wholeNumber(0, Number.MAX_SAFE_INTEGER);
const decimal = decimalNumber(0, Number.MAX_VALUE);

const FLAGS: readonly Flag[] = [
  { flags: "--model <name>", text: MODEL_HELP },
  { flags: "--data <path>", text: "JSONL or CSV file, or a folder of them" },
  { flags: "--peers <n>", text: "peers, attackers included; one process each", parse: whole },
  { flags: "--rounds <n>", text: "rounds of train, exchange, mix", parse: whole },
  { flags: "--steps <n>", text: "local optimiser steps per round", parse: whole },
  { flags: "--seed <n>", text: "seed of split, adapter and attacks", parse: whole },
  { flags: "--test <path>", text: "common test set, a file or a folder (pooled)" },
  {
    flags: "--partition <how>",
    text: "split of the data: by-file, iid, dirichlet:ALPHA, by:FIELD",
  },
  { flags: "--columns <map>", text: "column names, e.g. prompt=question,completion=answer" },
  { flags: "--topology <name>", text: `who exchanges with whom: ${TOPOLOGY_FORMS}` },
  { flags: "--mode <mode>", text: "gossip, agreed, or auto: agreed for 4 to 200 peers" },
  { flags: "--rule <name>", text: "mixing rule of mode gossip" },
  { flags: "--agreed-rule <name>", text: "mixing rule of mode agreed" },
  { flags: "--outer <name>", text: "outer step (default: nesterov, but for signs in mode gossip)" },
  {
    flags: "--outer-momentum <x>",
    text: "momentum over the rounds (default: 0.6; 0 with --outer none or, in mode gossip, --codec sign)",
    parse: decimal,
  },
  { flags: "--attack <name>", text: "what the attackers send" },
  { flags: "--attackers <n>", text: "how many of the peers attack: the last ones", parse: whole },
  { flags: "--baselines", text: "also train each peer alone, and one on all data" },
  { flags: "--report <folder>", text: "where to write report.json, report.md and report.png" },
  { flags: "--folder <folder>", text: "working folder (default: a temporary one)" },
  { flags: "--task <name>", text: "what is learned" },
  { flags: "--batch-size <n>", text: "examples per step", parse: whole },
  {
    flags: "--learning-rate <x>",
    text: "AdamW step size; auto suits the adapter's method",
    parse: decimal,
  },
  {
    flags: "--proximal <mu>",
    text: "FedProx: pull towards the state that a round starts from",
    parse: decimal,
  },
  { flags: "--adapter-kind <name>", text: "adapter method" },
  { flags: "--rank <n>", text: "rank of the LoRA factors", parse: whole },
  {
    flags: "--ranks <list>",
    text: "ranks that peers train in turn in mode agreed, such as 2,4,8,16; the run has the largest",
  },
  { flags: "--alpha <x>", text: "LoRA scaling numerator", parse: decimal },
  { flags: "--targets <names>", text: "layers with an adapter: all, or q,v,..." },
  { flags: "--factors <which>", text: "LoRA factors that train: both, alternate, ffa" },
  { flags: "--codec <name>", text: "how updates travel; auto is int8, or what the budget leaves" },
  {
    flags: "--bytes-per-round <size>",
    text: "bytes that a peer may send in a round, such as 64KiB",
  },
  { flags: "--link <speed>", text: "speed of each peer's link, such as 10Mbit" },
  {
    flags: "--warm-up <n>",
    text: "first rounds of mode agreed in which updates travel as int8",
    parse: whole,
  },
  {
    flags: "--feedback <x>",
    text: "share of what the codec lost that comes with the next update, in mode agreed",
    parse: decimal,
  },
  { flags: "--no-gate", text: "mix without judging updates on held-out examples" },
  { flags: "--threads <n>", text: "engine threads of each peer", parse: whole },
  { flags: "--engine <name>", text: "what executes the graphs" },
  {
    flags: "--dtype <type>",
    text: "how each peer keeps the frozen base model",
  },
  { flags: "--sequence-max <n>", text: "longest sequence in tokens", parse: whole },
  {
    flags: "--commit-grace-ms <n>",
    text: "least time that slower peers get to announce",
    parse: whole,
  },
  { flags: "--kill-each", text: "SIGKILL every peer once, and start it again" },
  { flags: "--time-limit-seconds <n>", text: "longest run", parse: whole },
];

/** The options of the testnet as JSON Schema. */
interface Known {
  readonly properties: Readonly<
    Record<string, { readonly default?: unknown; readonly enum?: readonly string[] }>
  >;
}

/** Adds the flags that decide a testnet; those not given are left to its own defaults, which the help names. */
export function addTestnetOptions(command: Command, options: z.ZodType): Command {
  const { properties } = z.toJSONSchema(options, { io: "input", unrepresentable: "any" }) as Known;
  command.option(
    "--scenario <file>",
    "YAML with these, what befalls the peers, and what must come of it",
  );
  for (const { flags, text, parse } of FLAGS) {
    const option = new Option(flags, text);
    const { default: standard, enum: choices } = properties[option.attributeName()] ?? {};
    if (["string", "number"].includes(typeof standard)) {
      option.description = `${text} (default: ${String(standard)})`;
    }
    if (parse !== undefined) option.argParser(parse);
    if (choices !== undefined) option.choices([...choices]);
    command.addOption(option);
  }
  return command;
}
