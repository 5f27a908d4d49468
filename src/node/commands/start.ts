import type { Command } from "commander";
import { EXIT_CODES } from "../../errors.ts";
import { awaitSeal, openRunOf } from "../admission/await-seal.ts";
import type { Config } from "../config/config.ts";
import { EXIT_INTERRUPTED, endProcess, runProcess } from "../process/lifecycle.ts";
import { createLogger } from "../process/logger.ts";
import type { NodeStatus } from "../records/records.ts";
import { toldStatus } from "../records/told.ts";
import { runNode } from "../run-node.ts";
import { costTable, describeCosts } from "../view/cost-table.ts";
import { dataNotes, describeExamples } from "../view/data-notes.ts";
import { describeModel } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { wrappedLines } from "../view/wrapped.ts";
import { addConfigOptions, configFileOf, configOf } from "./config-options.ts";

/** `klatch start`: trains with the others until a signal; the first stops gracefully, the second at once. */
export function define(command: Command, terminal: Terminal): void {
  addConfigOptions(command);
  command
    .option("--exit-when-finished", "end some time after the last round (timing.lingerMs)")
    .option("--json", "print one JSON document when the node has stopped")
    .action(async (options: { json?: boolean; exitWhenFinished?: boolean }) => {
      let result: NodeStatus | null = null;
      const given = configOf(command);
      const config = await withMembers(given, command, terminal);
      if (config === null) {
        if (options.json === true) terminal.json({ finished: false, status: null });
        return;
      }
      const exitCode = await runNode(config, {
        exitWhenFinished: options.exitWhenFinished === true,
        onStarted: (status, url) => {
          if (options.json === true) return;
          const lines = wrappedLines(banner(status, url), INDENT, terminal.columns);
          for (const line of lines) terminal.line(line);
          for (const line of costLines(status)) terminal.line(line);
        },
        onFinished: (status) => {
          result = status;
        },
      });
      if (options.json === true) {
        terminal.json({ finished: result !== null, status: result && toldStatus(result) });
      }
      if (exitCode !== 0) terminal.fail(exitCode);
      else if (result !== null && wasAlone(result)) terminal.fail(EXIT_CODES.alone);
    });
}

// --- internal ---

/** The configuration once all members of its run are known; null when a signal ends the wait for them. */
async function withMembers(
  config: Config,
  command: Command,
  terminal: Terminal,
): Promise<Config | null> {
  const open = openRunOf(config);
  if (open === null) return config;
  const log = createLogger(config.log);
  const isQuiet = command.opts<{ json?: boolean }>().json === true;
  const tell = (sentence: string) =>
    isQuiet ? undefined : terminal.line(`waits      ${sentence}`);
  const file = configFileOf(command);
  const hooks = { log, exit: endProcess, events: process, stopMs: config.timing.stopMs };
  const code = await runProcess((signal) => awaitSeal(open, config, { file, log, tell }, signal), {
    ...hooks,
    interruptedCode: EXIT_INTERRUPTED,
  });
  return code === 0 ? configOf(command) : null;
}

/** Whether a run with others ended with most of its rounds trained alone. */
function wasAlone({ peers, mixedRounds, soloRounds }: NodeStatus): boolean {
  return peers.length > 0 && soloRounds > mixedRounds;
}

/** Where the texts of the first lines begin, after their names. */
const INDENT = 11;

/** The first lines: who, where, what run, how safe, on what data. */
function banner(status: NodeStatus, statusUrl: string | null): readonly string[] {
  const members = status.peers.length + 1;
  return [
    `peer id    ${status.peerId}`,
    ...status.addresses.map((address) => `address    ${address}`),
    `dashboard  ${statusUrl ?? "not served"}`,
    `run        ${status.run}`,
    `model      ${describeModel(status.model)}`,
    `rule       ${status.rule}: certified for ${status.certifiedAttackers} attackers among ${members} members, assumes ${status.attackersMax}`,
    `data       ${describeExamples(status.data)}`,
    ...dataNotes(status.data).map((note) => `           ${note}`),
    `rounds     ${status.round + 1} to ${status.rounds}`,
    ...(status.costs === undefined ? [] : [`updates    ${describeCosts(status.costs)}`]),
  ];
}

/** What the others of the ways for updates to travel would cost, below the first lines. */
function costLines({ costs }: NodeStatus): readonly string[] {
  return costs === undefined ? [] : costTable(costs).map((line) => " ".repeat(INDENT) + line);
}
