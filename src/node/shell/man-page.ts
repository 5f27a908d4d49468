import type { Command, Option } from "commander";
import { EXIT_CODES } from "../../errors.ts";
import { configFields } from "../config/fields.ts";
import { EXAMPLES } from "./examples.ts";

/** klatch(1), in the macros of man(7), made of the commands as they are. Without a date: the same tree gives the same. */
export function manPage(program: Command, version: string): string {
  const commands = program.commands.flatMap((command) => commandLines(command, command.name()));
  return [
    `.TH KLATCH 1 "" "klatch ${version}" "User Commands"`,
    ".SH NAME",
    "klatch \\- fine\\-tune one foundation model together",
    ".SH SYNOPSIS",
    ".B klatch",
    "\\fICOMMAND\\fR [\\fIARGUMENTS\\fR] [\\fIFLAGS\\fR]",
    ".SH DESCRIPTION",
    roff(program.description()),
    roff(ABOUT),
    ".SH COMMANDS",
    ...commands,
    ".SH CONFIGURATION",
    roff(KEYS),
    ...configFields().flatMap(({ flag, description, bounds }) => [
      ...[".TP", `.B ${roff(flag)}`],
      roff(bounds === "" ? description : `${description} (${bounds})`),
    ]),
    ".SH EXIT STATUS",
    ...[".TP", ".B 0", "It did what it was asked to."],
    ...exitLines(),
    ".SH FILES",
    ...[".TP", ".I klatch.yaml", "The configuration; see docs/CONFIG.md of the package."],
    ...[".TP", ".I .klatch", roff("Identity, checkpoints and ledger of the node (dataDir).")],
    "",
  ].join("\n");
}

// --- internal ---

const ABOUT =
  "Every command has --help. Most take --json, which prints one JSON document; errors are two lines on the error stream.";
const KEYS =
  "Commands that read klatch.yaml take each of its keys as a flag, and as a variable of the environment: run.batchSize is --run-batch-size and KLATCH_RUN_BATCH_SIZE.";

function commandLines(command: Command, path: string): readonly string[] {
  const help = command.createHelp();
  const words = command.registeredArguments.map((argument) => help.argumentTerm(argument));
  const taken = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  const own = command.options.filter((option) => !isKey(option));
  const hasKeys = own.length < command.options.length;
  return [
    `.SS ${roff(["klatch", path, ...taken].join(" "))}`,
    roff(command.description()),
    ...command.registeredArguments.flatMap((argument, place) => [
      ...[".TP", `.I ${roff(words[place] ?? "")}`, roff(argument.description)],
    ]),
    ...own.flatMap((option) => [
      ...[".TP", `.B ${roff(option.flags)}`, roff(help.optionDescription(option))],
    ]),
    ...(hasKeys ? [".PP", roff("And keys of the configuration, as below.")] : []),
    ...(EXAMPLES[path] ?? []).flatMap((line, place) => [
      ...(place === 0 ? [".PP", ".nf"] : []),
      roff(`klatch ${line}`),
    ]),
    ...(EXAMPLES[path] === undefined ? [] : [".fi"]),
    ...command.commands.flatMap((part) => commandLines(part, `${path} ${part.name()}`)),
  ];
}

/** Flags that are keys stand in one place for all commands. */
function isKey({ helpGroupHeading = "" }: Option): boolean {
  return helpGroupHeading.startsWith("Configuration");
}

/** Codes in order, with the errors that end with each. */
function exitLines(): readonly string[] {
  const codes = new Map<number, string[]>();
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    codes.set(code, [...(codes.get(code) ?? []), name]);
  }
  return [...codes]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([code, names]) => [".TP", `.B ${code}`, `${roff(names.join(", "))}`]);
}

/** Text that no macro begins in, in plain letters and signs. */
function roff(text: string): string {
  const plain = text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/[^ -~\n]/gu, (each) => `\\[u${hexOf(each)}]`);
  return plain.replace(/^(?=[.'])/gm, "\\&");
}

function hexOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
