import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { cacheFolder } from "../folders/cache-folder.ts";
import { type ServiceUnit, unitFile } from "../service/unit-file.ts";
import { readUnit, removeUnit, unitFolder, writeUnit } from "../service/unit-folder.ts";
import type { Terminal } from "../view/terminal.ts";
import { addConfigOptions, configFileOf, configOf } from "./config-options.ts";

/** `klatch service`: a node as a service of systemd. Units are written and removed; what is to be called is printed. */
export function define(command: Command, terminal: Terminal): void {
  const install = located(command.command("install"))
    .description("write a unit that runs `klatch start` with the machine or the session")
    .option("--print", "print the unit, and write nothing");
  addConfigOptions(install, () => false);
  install.action(() => installed(install, terminal));
  const uninstall = located(command.command("uninstall")).description("remove the unit");
  uninstall.action(() => uninstalled(uninstall, terminal));
  const status = located(command.command("status")).description(
    "whether the unit is there and runs",
  );
  status.action(() => told(status, terminal));
}

// --- internal ---

interface ServiceFlags {
  readonly system?: boolean;
  readonly name: string;
  readonly folder?: string;
  readonly print?: boolean;
  readonly json?: boolean;
}

interface Place {
  readonly scope: ServiceUnit["scope"];
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  /** `systemctl` as it is called for this scope. */
  readonly systemctl: string;
}

/** systemd answers at once, or not at all. */
const ANSWER_MS = 5000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

function located(command: Command): Command {
  return command
    .option("--system", "a unit of the machine, not of this user")
    .option("--name <name>", "name of the unit", unitName, "klatch")
    .option("--folder <folder>", "where units lie (default: where systemd looks)")
    .option("--json", "print one JSON document");
}

function unitName(text: string): string {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError("expected letters, digits, . _ - (at most 64).");
}

function placeOf({ system = false, name, folder: named }: ServiceFlags): Place {
  const scope = system ? "system" : "user";
  const folder = named ?? unitFolder(scope);
  const systemctl = system ? "systemctl" : "systemctl --user";
  return { scope, name, folder, file: join(folder, `${name}.service`), systemctl };
}

function installed(command: Command, terminal: Terminal): void {
  const flags = command.opts<ServiceFlags>();
  const { scope, name, folder, file, systemctl } = placeOf(flags);
  const text = unitFile(unitOf(command, scope));
  if (flags.print === true) {
    terminal.line(text.trimEnd());
    return;
  }
  writeUnit(folder, file, text);
  const [load, start, linger] = [
    `${systemctl} daemon-reload`,
    `${systemctl} enable --now ${name}`,
    "loginctl enable-linger",
  ];
  const next = [load, start, ...(scope === "user" ? [linger] : [])];
  tell(flags, terminal, { unit: file, next }, [
    `unit   ${file}`,
    `Next:  ${load}`,
    `       ${start}`,
    ...(scope === "user" ? [`       ${linger}    # it runs when nobody is logged in too`] : []),
  ]);
}

/** As one JSON document, or in lines for a person. */
function tell(
  { json }: ServiceFlags,
  terminal: Terminal,
  result: object,
  lines: readonly string[],
): void {
  if (json === true) terminal.json(result);
  else lines.forEach(terminal.line);
}

/** The node of the configuration that the command names; its files are its owner's, so it runs as that. */
function unitOf(command: Command, scope: ServiceUnit["scope"]): ServiceUnit {
  const file = configFileOf(command);
  const { dataDir, cache, timing } = configOf(command);
  const folder = dirname(file);
  const caches = cacheFolder(cache);
  return {
    scope,
    command: [process.execPath, program(), "start", "--config", file],
    folder,
    writable: [folder, dataDir, ...(caches === null ? [] : [caches])],
    uid: (statSync(dataDir, { throwIfNoEntry: false }) ?? statSync(folder)).uid,
    stopMs: timing.stopMs,
  };
}

/** The script of this program, built or as it is. */
function program(): string {
  return join(import.meta.dirname, "..", `cli${extname(import.meta.filename)}`);
}

function uninstalled(command: Command, terminal: Terminal): void {
  const flags = command.opts<ServiceFlags>();
  const { scope, name, folder, file, systemctl } = placeOf(flags);
  const target = scope === "system" ? "multi-user.target" : "default.target";
  const wanted = join(folder, `${target}.wants`, `${name}.service`);
  removeUnit(file, wanted, `${systemctl} disable --now ${name}`);
  const next = [`${systemctl} daemon-reload`];
  tell(flags, terminal, { removed: file, next }, [`removed ${file}`, `Next:  ${next[0]}`]);
}

function told(command: Command, terminal: Terminal): void {
  const flags = command.opts<ServiceFlags>();
  const { name, file, systemctl } = placeOf(flags);
  const isThere = readUnit(file) !== null;
  const active = isThere ? activeState(systemctl, name) : null;
  const lines = isThere
    ? [
        `unit   ${file}`,
        `state  ${active ?? "unknown: systemd does not answer here"}`,
        `More:  ${systemctl} status ${name}`,
      ]
    : [`unit   none: ${file} is not there`, "Next:  klatch service install --config FILE"];
  tell(flags, terminal, { unit: isThere ? file : null, active }, lines);
}

/** In systemd's word; null where it does not answer. It ends with an error for all that is not active. */
function activeState(systemctl: string, name: string): string | null {
  const [program = "", ...scope] = systemctl.split(" ");
  try {
    return execFileSync(program, [...scope, "is-active", name], {
      ...{ encoding: "utf8", timeout: ANSWER_MS },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch (error) {
    const { stdout = "" } = error as { readonly stdout?: string };
    return stdout.trim() || null;
  }
}
