import { relative, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { timeText } from "../admission/admission-text.ts";
import { type CreatedRun, createRun, plannedRun } from "../admission/create-run.ts";
import { SEATS } from "../admission/offer.ts";
import { priceRun, type RunPrice } from "../admission/price-run.ts";
import { hubOptions } from "../config/hub-options.ts";
import { newConfig, readRunSection } from "../config/load.ts";
import { quickChecks, requireModel, requirePassed } from "../doctor/quick.ts";
import { EXIT_INTERRUPTED } from "../process/lifecycle.ts";
import { downloadView } from "../view/download-view.ts";
import { describePrice } from "../view/price-text.ts";
import { qrCode } from "../view/qr.ts";
import { answersTo, confirmed } from "../view/questions.ts";
import { bytes } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { wrapped, wrappedLines } from "../view/wrapped.ts";
import { addConfigOptions, flagsOf, sourcesOf } from "./config-options.ts";
import { required, wholeNumber } from "./number-flags.ts";
import { NEEDED, pathsIn, RUN_QUESTIONS, type RunAnswer, UNSAID } from "./run-questions.ts";

/** `klatch run`: a run that begins with tickets. */
export function define(command: Command, terminal: Terminal): void {
  const create = command
    .command("create")
    .description(
      "make a run, and a ticket for each organisation that is to join it; on a terminal it asks for what is not named",
    )
    .argument("[folder]", "where to write klatch.yaml and the data folder (required)")
    .option("--name <name>", "name of the run, for people (required)")
    .option("--data <file...>", "this organisation's files to train on (required)")
    .option(
      "--seats <n>",
      "organisations in the run, this one among them (required)",
      wholeNumber(SEATS.least, SEATS.most),
    )
    .addOption(
      new Option("--expires <time>", "how long tickets admit, such as 12h or 90d")
        .argParser(span)
        .default(span("7d"), "7d"),
    )
    .option("--standing", "one ticket for all seats, instead of one for each")
    .option("--address <address...>", "where others reach this node (default: where it listens)")
    .option("--run <file>", "YAML file with a section run, or the keys of one")
    .option("--no-trial", "take no training step to price the run by")
    .option("--no-qr", "show no QR codes of the tickets")
    .option("--json", "print one JSON document");
  addConfigOptions(create, isAsked);
  create.action(async (folder: string | undefined) => {
    const isTold = await askForRest(folder, create, terminal);
    const created = isTold === null ? null : await creation(isTold, create, terminal);
    if (created === null) {
      terminal.note("nothing was written");
      return terminal.fail(EXIT_INTERRUPTED);
    }
    const { qr, json } = create.opts<CreateFlags>();
    if (json === true) return terminal.json(created);
    const codes = qr && terminal.columns !== null ? await codesOf(created, terminal.columns) : [];
    for (const line of describe(created, codes, terminal.columns)) terminal.line(line);
  });
}

// --- internal ---

interface CreateFlags {
  readonly name?: string;
  readonly data?: readonly string[];
  readonly seats?: number;
  readonly expires: number;
  readonly standing?: boolean;
  readonly address?: readonly string[];
  readonly run?: string;
  readonly trial: boolean;
  readonly qr: boolean;
  readonly json?: boolean;
}

/** What was created, and what it will ask of each member. */
type Priced = CreatedRun & { readonly price: RunPrice | null };

/** The folder and what else was named, and whether a person was asked for some of it. */
interface Told {
  readonly folder: string | undefined;
  readonly wasAsked: boolean;
}

/** Keys that come from flags of their own, or later, or from elsewhere. */
const NOT_ASKED: ReadonlySet<string> = new Set([
  ...["run.name", "run.members", "run.roster", "dataDir", "init"],
  ...["data.train", "network.bootstrap", "network.announce"],
]);
const isAsked = (key: string): boolean => !NOT_ASKED.has(key);

/** Asks a person for what the command line leaves open, where that is too much; null when it is called off. */
async function askForRest(
  folder: string | undefined,
  command: Command,
  { keyboard }: Terminal,
): Promise<Told | null> {
  const { json } = command.opts<CreateFlags>();
  const isOpen = (key: RunAnswer) =>
    key === "folder" ? folder === undefined : command.getOptionValue(key) === undefined;
  const open = RUN_QUESTIONS.filter(({ key }) => isOpen(key));
  const isEnough = !open.some(({ key }) => NEEDED.has(key));
  if (isEnough || keyboard === undefined || json === true) return { folder, wasAsked: false };
  const answers = await answersTo(open, keyboard);
  if (answers === null) return null;
  for (const { key } of open) {
    const answer = answers[key];
    if (key === "folder" || answer === UNSAID[key]) continue;
    command.setOptionValue(key, optionOf(key, answer));
  }
  return { folder: folder ?? answers.folder, wasAsked: true };
}

function optionOf(key: RunAnswer, answer: string): unknown {
  if (key === "data") return pathsIn(answer);
  return key === "seats" ? Number(answer) : answer;
}

/** Null when a person who was shown the price does not want the run. */
async function creation(
  { folder: named, wasAsked }: Told,
  command: Command,
  terminal: Terminal,
): Promise<Priced | null> {
  const { standing = false, address, run, expires, trial, ...flags } = command.opts<CreateFlags>();
  const folder = resolve(required("the folder", named));
  const seats = required("--seats", flags.seats);
  const section = run === undefined ? {} : readRunSection(resolve(run));
  const own = ["data.train", ...(address === undefined ? [] : ["network.announce"])];
  const tree = {
    // all members are known before the first round: agreed, where their number allows it
    run: { mode: "auto", ...(section as object), name: required("--name", flags.name) },
    data: { train: required("--data", flags.data).map((path) => resolve(path)) },
    network: { announce: address ?? [] },
  };
  const config = newConfig(tree, folder, sourcesOf(command));
  requireModel(config.model);
  requirePassed(await quickChecks(config));
  const planned = plannedRun(folder, config, seats);
  terminal.overwrite("takes a training step, to price the run");
  const price = trial ? await priceRun(planned, hubOptions(config.cache)) : null;
  terminal.overwrite("");
  const lines = price === null ? [] : describePrice(price);
  if (wasAsked && terminal.keyboard !== undefined) {
    for (const line of lines) terminal.note(line);
    if (!(await confirmed("Create this run?", terminal.keyboard))) return null;
  }
  const at = `What it asks of a member, by a trial here (${timeText(Date.now())}):`;
  const hub = hubOptions(config.cache, { report: downloadView(terminal) });
  const created = await createRun(folder, config, {
    hub,
    ...{ seats, expires: Date.now() + expires, standing },
    given: [...own, ...Object.keys(flagsOf(command))],
    remarks: price === null ? [] : ["", at, ...lines],
  });
  return { ...created, price };
}

/** More tickets than this have no QR codes: they would push one another off the screen. */
const CODES_MAX = 4;

/** A QR code for each ticket; none where they are too many, or the screen too narrow. */
async function codesOf(
  { tickets }: CreatedRun,
  columns: number,
): Promise<readonly (readonly string[])[]> {
  if (tickets.length > CODES_MAX) return [];
  const codes = await Promise.all(tickets.map((ticket) => qrCode(ticket, columns)));
  return codes.map((code) => code ?? []);
}

function describe(
  result: Priced,
  codes: readonly (readonly string[])[],
  columns: number | null,
): readonly string[] {
  const { name, mode, seats, peerId, addresses, tickets, price } = result;
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
    ...wrappedLines(modelLines(result), NAME, columns),
    ...wrappedLines(price === null ? [] : describePrice(price), NAME, columns),
    "",
    wrapped("", `${each}, until ${until}. ${advice}`, columns),
    ...tickets.flatMap((ticket, place) => ["", ticket, ...codeLines(codes[place])]),
    "",
    "There:  klatch join TICKET FOLDER --data FILE",
    `Here:   klatch start --config ${config}`,
  ];
}

/** What becomes of the model; nothing where all have it anyway. */
function modelLines({ sharedModel, modelStays }: CreatedRun): readonly string[] {
  if (modelStays !== null) {
    return [`model          stays here, each organisation brings its own: ${modelStays}`];
  }
  if (sharedModel === null) return [];
  const { files, bytes: all } = sharedModel;
  const what = `${files} files, ${bytes(all)}`;
  return [
    `model          ${what}: whoever takes a seat may fetch them here (--share-model never: nobody)`,
  ];
}

/** Characters of the names that lines begin with. */
const NAME = 15;

function codeLines(code: readonly string[] = []): readonly string[] {
  return code.length === 0 ? [] : ["", ...code];
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
