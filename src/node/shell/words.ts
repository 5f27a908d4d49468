import type { Command, Option } from "commander";
import { configFields, type Field } from "../config/fields.ts";

/** What may follow a command on the line. */
export interface CommandWords {
  /** The words that name it, such as `run create`; "" of the program itself. */
  readonly path: string;
  readonly summary: string;
  readonly parts: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly FlagWords[];
}

export interface FlagWords {
  /** With its dashes. */
  readonly name: string;
  readonly summary: string;
  /** What follows it: nothing, one of these words, a file or folder, or some other text. */
  readonly takes: "nothing" | "file" | "text" | readonly string[];
}

/** Every command of a program with its flags, as they stand in the tree that runs them. */
export function wordsOf(
  command: Command,
  path = "",
  fields = configFields(),
): readonly CommandWords[] {
  const parts = command.commands.map((part) => ({ name: part.name(), summary: part.summary() }));
  const flags = command
    .createHelp()
    .visibleOptions(command)
    .map((option) => flagWords(option, fields));
  const own = { path, summary: command.summary() || command.description(), parts, flags };
  const below = command.commands.flatMap((part) =>
    wordsOf(part, `${path} ${part.name()}`.trim(), fields),
  );
  return [own, ...below];
}

// --- internal ---

/** Placeholders of what is on the disk. */
const ON_DISK = /<(file|folder|path|dir|prefix)\b/;

function flagWords(
  { long, short, flags, description, argChoices }: Option,
  fields: readonly Field[],
): FlagWords {
  const name = long ?? short ?? flags;
  const summary = description.replaceAll(/\s+/g, " ");
  if (!/[<[]/.test(flags)) return { name, summary, takes: "nothing" };
  const choices = argChoices ?? choicesOfKey(name, description, fields);
  if (choices.length > 0) return { name, summary, takes: choices };
  return { name, summary, takes: ON_DISK.test(flags) ? "file" : "text" };
}

/** The values of a flag that is a key of the configuration; none where they are no list. */
function choicesOfKey(
  name: string,
  description: string,
  fields: readonly Field[],
): readonly string[] {
  const long = /^short for (--[a-z-]+)$/.exec(description)?.[1] ?? name;
  const field = fields.find(({ flag }) => flag === long);
  if (field === undefined) return [];
  if (field.kind === "boolean") return ["true", "false"];
  return field.bounds.includes(" | ") ? field.bounds.split(" | ") : [];
}
