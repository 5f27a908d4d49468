import { type Command, Option } from "commander";
import type { Config } from "../config/config.ts";
import { configFields, type Field } from "../config/fields.ts";
import { type ConfigSources, configFile, loadConfig } from "../config/load.ts";

/** Adds `--config` and one flag for each configuration key (only those that `wanted` accepts, where given). */
export function addConfigOptions(command: Command, wanted = (_key: string) => true): void {
  command.addOption(
    new Option("--config <file>", "configuration file (default: klatch.yaml here)").helpGroup(
      "Configuration:",
    ),
  );
  for (const field of configFields()) {
    if (wanted(field.key)) command.addOption(optionOf(field));
  }
  for (const field of configFields()) {
    const short = SHORT[field.key];
    if (short !== undefined && wanted(field.key)) command.addOption(shortOption(field, short));
  }
}

/** The configuration behind a command's flags, the environment and the file. */
export function configOf(command: Command): Config {
  return loadConfig({ ...sourcesOf(command), ...fileOf(command) });
}

/** Where {@link configOf} reads it from. */
export function configFileOf(command: Command): string {
  return configFile({ env: process.env, ...fileOf(command) });
}

/** What a command's flags and the environment say, whatever stands in a file. */
export function sourcesOf(command: Command): Omit<ConfigSources, "file"> {
  const note = (sentence: string) => command.configureOutput().writeErr?.(`${sentence}\n`);
  return { env: process.env, flags: flagsOf(command), note };
}

/** Keys with their texts, as the command line has them. */
export function flagsOf(command: Command): Readonly<Record<string, string>> {
  const options: Readonly<Record<string, unknown>> = command.opts();
  const flags: Record<string, string> = {};
  for (const field of configFields()) {
    const value = options[optionOf(field).attributeName()];
    if (typeof value === "string") flags[field.key] = value;
  }
  for (const [key, name] of Object.entries(SHORT)) {
    const value = options[new Option(`--${name}`).attributeName()];
    if (typeof value === "string") flags[key] = value;
  }
  return flags;
}

// --- internal ---

function fileOf(command: Command): Pick<ConfigSources, "file"> {
  const { config: file } = command.opts<{ config?: string }>();
  return file === undefined ? {} : { file };
}

/** Names that mean the same on every command, with a configuration or without. */
const SHORT: Readonly<Record<string, string>> = {
  "engine.name": "engine",
  "engine.threads": "threads",
  "engine.dtype": "dtype",
  "engine.recompute": "recompute",
  "engine.microBatch": "micro-batch",
  "run.adapter.kind": "adapter-kind",
  "run.bytesPerRound": "bytes-per-round",
  "run.codec": "codec",
  "network.link": "link",
};

const PLACEHOLDERS: Readonly<Record<Field["kind"], string>> = {
  text: "<text>",
  number: "<n>",
  boolean: "<true|false>",
  list: "<a,b>",
  "number-or-text": "<n>",
};

function shortOption({ kind, flag }: Field, name: string): Option {
  return new Option(`--${name} ${PLACEHOLDERS[kind]}`, `short for ${flag}`);
}

function optionOf(field: Field): Option {
  const group = field.key.includes(".") ? field.key.slice(0, field.key.indexOf(".")) : "node";
  const facts = [field.bounds, defaultText(field.default)].filter((text) => text !== "");
  const notes = facts.length === 0 ? "" : ` (${facts.join("; ")})`;
  return new Option(
    `${field.flag} ${PLACEHOLDERS[field.kind]}`,
    `${field.description}${notes}`,
  ).helpGroup(`Configuration, ${group}:`);
}

/** A default for a person; empty where there is none, or none that says something. */
function defaultText(value: unknown): string {
  const isPlain = ["string", "number", "boolean"].includes(typeof value) && value !== "";
  const isList = Array.isArray(value) && value.length > 0;
  const text = /\s/.test(String(value)) ? JSON.stringify(value) : String(value);
  return isPlain || isList ? `default: ${text}` : "";
}
