import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { type JoinedRun, joinRun } from "../admission/join-run.ts";
import { CONFIG_FILE, loadConfig, newConfig } from "../config/load.ts";
import { EXIT_INTERRUPTED, endProcess, runProcess } from "../process/lifecycle.ts";
import { createLogger } from "../process/logger.ts";
import type { JoinedModel } from "../sharing/joined-model.ts";
import { downloadView } from "../view/download-view.ts";
import { bytes } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { addConfigOptions, flagsOf, sourcesOf } from "./config-options.ts";

/** `klatch join`: takes a seat in a run, by a ticket. */
export function define(command: Command, terminal: Terminal): void {
  command
    .argument("<ticket>", "the line that `klatch run create` printed")
    .argument("[folder]", "where to write klatch.yaml and the data folder", ".")
    .requiredOption("--data <file...>", "this organisation's files to train on")
    .option("--address <address...>", "where others reach this node (default: where it listens)")
    .option("--json", "print one JSON document");
  addConfigOptions(command, isAsked);
  command.action(async (ticket: string, folder: string) => {
    const { json, ...options } = command.opts<JoinFlags>();
    const log = createLogger({ level: "warn", format: "auto" });
    const result = Promise.withResolvers<JoinedRun>();
    const code = await runProcess(
      async (signal) =>
        result.resolve(
          await joinRun(
            { ticket, folder: resolve(folder), ...configsOf(resolve(folder), command, options) },
            {
              ...{ log, tell: (sentence) => terminal.note(sentence) },
              download: downloadView(terminal),
            },
            signal,
          ),
        ),
      {
        ...{ log, exit: endProcess, events: process, stopMs: STOP_MS },
        interruptedCode: EXIT_INTERRUPTED,
      },
    );
    if (code !== 0) {
      terminal.note("not joined yet: the same command goes on");
      return terminal.fail(code);
    }
    const joined = await result.promise;
    if (json === true) terminal.json(joined);
    else for (const line of describe(joined)) terminal.line(line);
  });
}

// --- internal ---

interface JoinFlags {
  readonly data: readonly string[];
  readonly address?: readonly string[];
  readonly json?: boolean;
}

const STOP_MS = 5000;

/** Section `run` comes from the creator. */
const NOT_ASKED: ReadonlySet<string> = new Set([
  ...["dataDir", "init", "data.train", "network.bootstrap", "network.announce"],
]);
const isAsked = (key: string): boolean => !key.startsWith("run.") && !NOT_ASKED.has(key);

/** The configuration so far, and which of its keys were given. */
function configsOf(folder: string, command: Command, { data, address }: JoinFlags) {
  const file = join(folder, CONFIG_FILE);
  const sources = sourcesOf(command);
  const tree = {
    data: { train: data.map((path) => resolve(path)) },
    network: { announce: address ?? [] },
  };
  const own = ["data.train", ...(address === undefined ? [] : ["network.announce"])];
  return {
    config: existsSync(file) ? loadConfig({ ...sources, file }) : newConfig(tree, folder, sources),
    given: [...own, ...Object.keys(flagsOf(command))],
  };
}

function describe({ peerId, run, members, config, state, model }: JoinedRun): readonly string[] {
  const file = relative(process.cwd(), config);
  return [
    `run            ${run}`,
    `peer id        ${peerId}`,
    `model          ${describeModel(model)}`,
    `configuration  ${file}`,
    state === "sealed"
      ? `state          sealed: all ${members.length} members are known`
      : "state          this node has a seat; the run begins when all are taken",
    "",
    `Next:  klatch start --config ${file}`,
  ];
}

function describeModel({ name, from, fetched }: JoinedModel): string {
  if (fetched === null) return from === "bundled" ? "the one that comes with klatch" : name;
  const { files, bytes: all } = fetched;
  return `${relative(process.cwd(), name)}: ${files} files, ${bytes(all)}, from ${fetched.from.join(" ") || "before"}`;
}
