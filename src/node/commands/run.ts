import { relative, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { timeText } from "../admission/admission-text.ts";
import { type CreatedRun, createRun } from "../admission/create-run.ts";
import { SEATS } from "../admission/offer.ts";
import { newConfig, readRunSection } from "../config/load.ts";
import { quickChecks, requireModel, requirePassed } from "../doctor/quick.ts";
import type { Terminal } from "../view/terminal.ts";
import { wrapped } from "../view/wrapped.ts";
import { addConfigOptions, flagsOf, sourcesOf } from "./config-options.ts";
import { wholeNumber } from "./number-flags.ts";

/** `klatch run`: a run that begins with tickets. */
export function define(command: Command, terminal: Terminal): void {
  const create = command
    .command("create")
    .description("make a run, and a ticket for each organisation that is to join it")
    .argument("<folder>", "where to write klatch.yaml and the data folder")
    .requiredOption("--name <name>", "name of the run, for people")
    .requiredOption("--data <file...>", "this organisation's files to train on")
    .requiredOption(
      "--seats <n>",
      "organisations in the run, this one among them",
      wholeNumber(SEATS.least, SEATS.most),
    )
    .option("--expires <time>", "how long tickets admit, such as 12h or 7d", span, span("7d"))
    .option("--standing", "one ticket for all seats, instead of one for each")
    .option("--address <address...>", "where others reach this node (default: where it listens)")
    .option("--run <file>", "YAML file with a section run, or the keys of one")
    .option("--json", "print one JSON document");
  addConfigOptions(create, isAsked);
  create.action(async (folder: string) => {
    const options = create.opts<CreateFlags>();
    const result = await creation(resolve(folder), create, options);
    if (options.json === true) terminal.json(result);
    else for (const line of describe(result, terminal.columns)) terminal.line(line);
  });
}

// --- internal ---

interface CreateFlags {
  readonly name: string;
  readonly data: readonly string[];
  readonly seats: number;
  readonly expires: number;
  readonly standing?: boolean;
  readonly address?: readonly string[];
  readonly run?: string;
  readonly json?: boolean;
}

/** Keys that come from flags of their own, or later, or from elsewhere. */
const NOT_ASKED: ReadonlySet<string> = new Set([
  ...["run.name", "run.members", "run.roster", "dataDir", "init"],
  ...["data.train", "network.bootstrap", "network.announce"],
]);
const isAsked = (key: string): boolean => !NOT_ASKED.has(key);

async function creation(
  folder: string,
  command: Command,
  { name, data, seats, expires, standing = false, address, run }: CreateFlags,
): Promise<CreatedRun> {
  const section = run === undefined ? {} : readRunSection(resolve(run));
  const own = ["data.train", ...(address === undefined ? [] : ["network.announce"])];
  const tree = {
    // all members are known before the first round: agreed, where their number allows it
    run: { mode: "auto", ...(section as object), name },
    data: { train: data.map((path) => resolve(path)) },
    network: { announce: address ?? [] },
  };
  const config = newConfig(tree, folder, sourcesOf(command));
  requireModel(config.model);
  requirePassed(await quickChecks(config));
  const given = [...own, ...Object.keys(flagsOf(command))];
  return createRun(folder, config, { seats, expires: Date.now() + expires, standing, given });
}

function describe(result: CreatedRun, columns: number | null): readonly string[] {
  const { name, mode, seats, peerId, addresses, tickets } = result;
  const config = relative(process.cwd(), result.config);
  const each =
    tickets.length === 1
      ? `This ticket admits ${seats === 2 ? "one organisation" : `${seats - 1} organisations`}`
      : "Each of these tickets admits one organisation";
  const until = timeText(Date.parse(result.expires));
  const advice = "Whoever has one can take the seat: send it by a way that you trust.";
  return [
    `run            ${name}, mode ${mode}, ${seats} seats: yours is taken`,
    `peer id        ${peerId}`,
    `reached at     ${addresses.join(" ")}`,
    `configuration  ${config}`,
    "",
    wrapped("", `${each}, until ${until}. ${advice}`, columns),
    ...tickets.flatMap((ticket) => ["", ticket]),
    "",
    "There:  klatch join TICKET FOLDER --data FILE",
    `Here:   klatch start --config ${config}`,
  ];
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const DAYS_MAX = 90;

/** Milliseconds of a time such as 12h or 7d. */
function span(text: string): number {
  const [, digits, unit = ""] = /^([1-9][0-9]{0,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (seconds <= DAYS_MAX * 86_400) return seconds * 1000;
  throw new InvalidArgumentError(`expected a time such as 12h or 7d, at most ${DAYS_MAX}d.`);
}
