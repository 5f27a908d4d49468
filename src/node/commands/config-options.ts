import { type Command, Option } from "commander";
import { configFields, type Field } from "../config/fields.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config.ts";

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
  if (wanted(ENGINE_KEY)) {
    command.addOption(new Option("--engine <name>", `short for ${ENGINE_KEY}`));
  }
}

/**
 * The configuration behind a command's flags, the environment and the file; `short` holds values by key that the
 * command takes under flags of its own.
 */
export function configOf(command: Command, short: Readonly<Record<string, string>> = {}): Config {
  const options: Readonly<Record<string, unknown>> = command.opts();
  const flags: Record<string, string> = { ...short };
  for (const field of configFields()) {
    const value = options[optionOf(field).attributeName()];
    if (typeof value === "string") flags[field.key] = value;
  }
  const { config: file, engine } = options as { config?: string; engine?: string };
  if (engine !== undefined) flags[ENGINE_KEY] = engine;
  return loadConfig({ env: process.env, flags, ...(file === undefined ? {} : { file }) });
}

// --- internal ---

/** Commands that load a model without a configuration have `--engine` too, so it means the same everywhere. */
const ENGINE_KEY = "engine.name";

const PLACEHOLDERS: Readonly<Record<Field["kind"], string>> = {
  text: "<text>",
  number: "<n>",
  boolean: "<true|false>",
  list: "<a,b>",
  "number-or-text": "<n>",
};

function optionOf(field: Field): Option {
  const group = field.key.includes(".") ? field.key.slice(0, field.key.indexOf(".")) : "node";
  const bounds = field.bounds === "" ? "" : ` (${field.bounds})`;
  return new Option(
    `${field.flag} ${PLACEHOLDERS[field.kind]}`,
    `${field.description}${bounds}`,
  ).helpGroup(`Configuration, ${group}:`);
}
