import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { parseHubModel } from "../../training/index.ts";
import { AUTO_CACHE } from "../folders/cache-folder.ts";
import { bundledModel } from "../folders/package-folder.ts";
import { BUNDLED_MODEL, type Config, configSchema, PATH_KEYS } from "./config.ts";
import { configFields, type Field } from "./fields.ts";
import { ownVariables } from "./own-variables.ts";
import { refusal, unknown } from "./refusal.ts";

/** The file that `klatch init` writes and other commands look for in the current folder. */
export const CONFIG_FILE = "klatch.yaml";
const FILE_BYTES_MAX = 1_048_576;
/** `KLATCH_CONFIG` names the file; everything else with this prefix is a key. */
const FILE_VARIABLE = "KLATCH_CONFIG";

type Tree = { [key: string]: unknown };

export interface ConfigSources {
  /** Configuration file; absent: `klatch.yaml` in `cwd` when there is one, else defaults. */
  readonly file?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Dotted keys with their texts from the command line. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Told what was passed over. */
  readonly note?: (sentence: string) => void;
}

/**
 * Reads the configuration: defaults < file < environment < flags. Throws `usage` for a missing file, an unknown key
 * (with the nearest known one) or a value out of bounds.
 */
export function loadConfig(sources: ConfigSources = {}): Config {
  const cwd = sources.cwd ?? process.cwd();
  const named = namedFile(sources);
  const file = resolve(cwd, named ?? CONFIG_FILE);
  const tree = readTree(file, named !== undefined);
  return layered(tree, dirname(file), named ?? CONFIG_FILE, sources);
}

/** The file that {@link loadConfig} reads, whether it is there or not. */
export function configFile(sources: Pick<ConfigSources, "file" | "env" | "cwd"> = {}): string {
  return resolve(sources.cwd ?? process.cwd(), namedFile(sources) ?? CONFIG_FILE);
}

/**
 * The configuration that a folder is to have which has none yet: a tree, under environment and flags. No file is read
 * for it.
 *
 * @throws KlatchError `usage` as {@link loadConfig} does
 */
export function newConfig(
  tree: Tree,
  folder: string,
  sources: Omit<ConfigSources, "file"> = {},
): Config {
  return layered(tree, folder, "configuration", sources);
}

/**
 * The section `run` of a file that has it, or is it.
 *
 * @throws KlatchError `usage` as {@link loadConfig} does
 */
export function readRunSection(file: string): unknown {
  const tree = readTree(file, true);
  const { run = tree } = tree;
  return run;
}

/**
 * Checks a configuration tree, fills in defaults, makes paths absolute from `folder` and freezes the result. `originOf`
 * names the source of a dotted key in errors.
 */
export function parseConfig(
  tree: unknown,
  folder: string,
  originOf: (key: string) => string = () => "configuration",
): Config {
  const parsed = configSchema.safeParse(tree);
  if (!parsed.success) throw refusal(parsed.error.issues[0] as z.core.$ZodIssue, originOf, tree);
  const config = parsed.data;
  for (const key of PATH_KEYS) assign(config, key, absolute(key, pick(config, key), folder));
  return deepFreeze(config) as Config;
}

// --- internal ---

function namedFile({ file, env = {} }: Pick<ConfigSources, "file" | "env">): string | undefined {
  return file ?? ownVariables(env).names[FILE_VARIABLE];
}

/** A tree under what environment and flags say. */
function layered(tree: Tree, folder: string, name: string, sources: ConfigSources): Config {
  const cwd = sources.cwd ?? process.cwd();
  const { names: env, passedOver } = ownVariables(sources.env ?? {});
  if (passedOver !== null) sources.note?.(passedOver);
  const fields = new Map(configFields().map((field) => [field.key, field]));
  const origins = new Map<string, string>();
  for (const [key, text] of environmentValues(env, fields)) {
    assign(tree, key, fromShell(key, text, fields, cwd));
    origins.set(key, "environment");
  }
  for (const [key, text] of Object.entries(sources.flags ?? {})) {
    assign(tree, key, fromShell(key, text, fields, cwd));
    origins.set(key, "command line");
  }
  const originOf = (path: string) =>
    [...origins].find(([key]) => path === key || path.startsWith(`${key}.`))?.[1];
  return parseConfig(tree, folder, (path) => originOf(path) ?? name);
}

function readTree(file: string, required: boolean): Tree {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" && !required) return {};
    throw new KlatchError(
      code === "EACCES" ? "permission" : "usage",
      `cannot read the configuration file ${file} (${code})`,
      "write one with `klatch init`, or name another with --config",
      { cause },
    );
  }
  if (Buffer.byteLength(text) > FILE_BYTES_MAX) {
    throw new KlatchError("usage", `${file} is larger than 1 MiB`, "is this the right file?");
  }
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = error.linePos?.[0].line;
    throw new KlatchError(
      "usage",
      `${file}${line === undefined ? "" : `:${line}`}: ${error.message.split("\n")[0]}`,
      "the file must be YAML or JSON",
    );
  }
  const tree: unknown = document.toJS({ maxAliasCount: 20 }) ?? {};
  if (typeof tree !== "object" || Array.isArray(tree)) {
    throw new KlatchError(
      "usage",
      `${file} holds no keys`,
      "compare with what `klatch init` writes",
    );
  }
  return dropEmptySections(tree as Tree);
}

/** A section whose lines are all commented out reads as null in YAML; it means: all defaults. */
function dropEmptySections(tree: Tree): Tree {
  const kept = Object.entries(tree).filter(([, value]) => value !== null);
  return Object.fromEntries(
    kept.map(([key, value]) => {
      const inner = typeof value === "object" && !Array.isArray(value);
      return [key, inner ? dropEmptySections(value as Tree) : value];
    }),
  );
}

function* environmentValues(
  env: Readonly<Record<string, string>>,
  fields: ReadonlyMap<string, Field>,
): Generator<[string, string]> {
  const keys = new Map([...fields.values()].map(({ variable, key }) => [variable, key]));
  for (const [variable, text] of Object.entries(env)) {
    if (variable === FILE_VARIABLE) continue;
    const key = keys.get(variable);
    if (key === undefined)
      throw unknown(`unknown environment variable ${variable}`, variable, keys.keys());
    yield [key, text];
  }
}

/** The value behind the text of a variable or flag; lists are written with commas or as JSON. */
function fromShell(
  key: string,
  text: string,
  fields: ReadonlyMap<string, Field>,
  cwd: string,
): unknown {
  const kind = fields.get(key)?.kind;
  if (kind === undefined) throw unknown(`unknown key ${key}`, key, fields.keys());
  const value = parseText(key, text, kind);
  return PATH_KEYS.has(key) ? absolute(key, value, cwd) : value;
}

function parseText(key: string, text: string, kind: Field["kind"]): unknown {
  switch (kind) {
    case "text":
      return text;
    case "boolean":
      return text === "true" || text === "false" ? text === "true" : text;
    case "number":
    case "number-or-text":
      return /^[-+]?[0-9.]+(e[-+]?[0-9]+)?$/i.test(text) ? Number(text) : text;
    case "list":
      return text.trimStart().startsWith("[")
        ? jsonList(key, text)
        : text.split(",").filter(Boolean);
  }
}

function jsonList(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KlatchError("usage", `${key} is not a JSON list`, 'write a,b or ["a","b"]', {
      cause,
    });
  }
}

function absolute(key: string, value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((item) => absolute(key, item, folder));
  // No path at all, as of a shell variable that is not set, is not the current folder.
  if (typeof value !== "string" || value === "" || isAbsolute(value)) return value;
  if (key === "model" && value === BUNDLED_MODEL) return bundledModel();
  if (key === "cache" && value === AUTO_CACHE) return value;
  const path = resolve(folder, value);
  const isOnHub = key === "model" && parseHubModel(value) !== null && !existsSync(path);
  return isOnHub ? value : path;
}

function pick(tree: Tree, key: string): unknown {
  return key.split(".").reduce<unknown>((at, part) => (at as Tree)[part], tree);
}

function assign(tree: Tree, key: string, value: unknown): void {
  const parts = key.split(".");
  const last = parts.pop() as string;
  let at = tree;
  for (const part of parts) {
    const inner = at[part];
    at[part] = typeof inner === "object" && inner !== null ? inner : {};
    at = at[part] as Tree;
  }
  at[last] = value;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
