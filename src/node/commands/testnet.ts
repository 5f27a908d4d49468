import type { Command } from "commander";
import { BUNDLED_MODEL } from "../config/config.ts";
import { bundledModel } from "../folders/package-folder.ts";
import {
  EXIT_INTERRUPTED,
  endProcess,
  type ProcessHooks,
  runProcess,
} from "../process/lifecycle.ts";
import { silentLogger } from "../process/logger.ts";
import type { Terminal } from "../view/terminal.ts";
import { MODEL_HELP } from "./model-use.ts";
import { required } from "./number-flags.ts";
import { loadTestnetModule } from "./testnet-door.ts";
import { addTestnetOptions } from "./testnet-flags.ts";
import { defineMatrix } from "./testnet-matrix.ts";

/** The testnet's own door. */
type Testnet = typeof import("../../../testnet/index.ts");

/** What a testnet can be told, with its defaults: the help shows them. */
const { testnetOptionsSchema } =
  await loadTestnetModule<typeof import("../../../testnet/options.ts")>("options");

/** Longest stop of all peers after the first signal. */
const STOP_MS = 30_000;

/** `klatch testnet run|up|status|down`: a whole network of real processes on this machine; `matrix`: attacks by rules. */
export function define(command: Command, terminal: Terminal): void {
  defineRun(command, terminal);
  defineUp(command, terminal);
  defineStatus(command, terminal);
  defineDown(command, terminal);
  defineMatrix(command, terminal);
}

// --- internal ---

interface Flags {
  readonly model: string;
  readonly data?: string;
  readonly json?: boolean;
}

function defineRun(command: Command, terminal: Terminal): void {
  addTestnetOptions(command.command("run"), testnetOptionsSchema)
    .description("run a network from start to report")
    .option("--model <name>", MODEL_HELP, BUNDLED_MODEL)
    .option("--json", "print the report as one JSON document")
    .action(async (flags: Flags) => {
      const testnet = await loadTestnet();
      const exitCode = await runProcess(
        async (signal) => {
          const report = await testnet.runTestnet(inputOf(flags), {
            output: process.stderr,
            signal,
          });
          if (flags.json === true) terminal.json(report);
          else terminal.line(testnet.reportText(report));
        },
        {
          log: noticesOnly(terminal),
          exit: endProcess,
          events: process,
          stopMs: STOP_MS,
          interruptedCode: EXIT_INTERRUPTED,
        },
      );
      if (exitCode !== 0) terminal.fail(exitCode);
    });
}

function defineUp(command: Command, terminal: Terminal): void {
  addTestnetOptions(command.command("up"), testnetOptionsSchema)
    .description("start a network in the background")
    .option("--model <name>", MODEL_HELP, BUNDLED_MODEL)
    .option("--json", "print one JSON document")
    .action(async (flags: Flags) => {
      const { upTestnet } = await loadTestnet();
      const state = await upTestnet(inputOf(flags));
      if (flags.json === true) return terminal.json(state);
      for (const line of describeState(state)) terminal.line(line);
      terminal.line("stop it with: klatch testnet down");
    });
}

function defineStatus(command: Command, terminal: Terminal): void {
  withFolder(command.command("status"))
    .description("the network in the background, peer by peer")
    .action(async ({ folder, json }: { folder?: string; json?: boolean }) => {
      const { statusTestnet } = await loadTestnet();
      const state = await statusTestnet(folder);
      if (json === true) return terminal.json(state);
      for (const line of describeState(state)) terminal.line(line);
    });
}

function defineDown(command: Command, terminal: Terminal): void {
  withFolder(command.command("down"))
    .description("stop the network in the background")
    .action(async ({ folder, json }: { folder?: string; json?: boolean }) => {
      const { downTestnet } = await loadTestnet();
      const result = await downTestnet(folder);
      if (json === true) terminal.json(result);
      else terminal.line(`${result.stopped} peers stopped in ${result.folder}`);
    });
}

function withFolder(command: Command): Command {
  return command
    .option("--folder <folder>", "working folder of the network")
    .option("--json", "print one JSON document");
}

function inputOf({ json: _, ...flags }: Flags): Parameters<Testnet["runTestnet"]>[0] {
  const data = required("--data", flags.data);
  return { ...flags, data, model: flags.model === BUNDLED_MODEL ? bundledModel() : flags.model };
}

/** A person is told what the first signal does; the peers have logs of their own. */
function noticesOnly(terminal: Terminal): ProcessHooks["log"] {
  const { warn, error } = silentLogger();
  const info = (...[, message]: readonly unknown[]) => terminal.note(String(message));
  return { info, warn, error };
}

const loadTestnet = () => loadTestnetModule<Testnet>("index");

function describeState(state: Awaited<ReturnType<Testnet["statusTestnet"]>>): readonly string[] {
  const peers = state.peers.map(({ status, index, role, statusPort }) => {
    const where = status
      ? `round ${status.round} of ${status.rounds}, ${status.state}, ${status.phase}`
      : "does not answer";
    return `peer ${index + 1}  ${role}  http://127.0.0.1:${statusPort}  ${where}`;
  });
  return [`${state.state} in ${state.folder} since ${state.startedAt}`, ...peers];
}
