import type { Command } from "commander";
import { EXIT_CODES } from "../../errors.ts";
import {
  EXIT_INTERRUPTED,
  endProcess,
  type ProcessHooks,
  runProcess,
} from "../process/lifecycle.ts";
import { silentLogger } from "../process/logger.ts";
import { short } from "../view/table.ts";
import type { Terminal } from "../view/terminal.ts";
import { wholeNumber } from "./number-flags.ts";
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

/**
 * `klatch testnet`: a whole network of real processes on this machine; `run` goes from start to report, the others keep one
 * in the background. `matrix`: attacks by rules.
 */
export function define(command: Command, terminal: Terminal): void {
  defineRun(command, terminal);
  defineUp(command, terminal);
  defineStatus(command, terminal);
  defineUi(command, terminal);
  defineLogs(command, terminal);
  defineChaos(command, terminal);
  defineDown(command, terminal);
  defineMatrix(command, terminal);
}

// --- internal ---

/** Lines of each log that are shown unless it is told otherwise. */
const LOG_LINES = 100;

const PEER = wholeNumber(1, 100);

interface Placed {
  readonly folder?: string;
  readonly json?: boolean;
}

function defineRun(command: Command, terminal: Terminal): void {
  const run = addTestnetOptions(command.command("run"), testnetOptionsSchema)
    .description("run a network from start to report")
    .option("--json", "print the report as one JSON document")
    .action(async ({ json }: Placed) => {
      const testnet = await loadTestnet();
      const input = inputOf(run, testnet);
      let isAsExpected = true;
      const exitCode = await runProcess(
        async (signal) => {
          const report = await testnet.runTestnet(input, { output: process.stderr, signal });
          isAsExpected = report.expectations.every(({ isMet }) => isMet);
          if (json === true) terminal.json(report);
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
      else if (!isAsExpected) terminal.fail(EXIT_CODES.internal);
    });
}

function defineUp(command: Command, terminal: Terminal): void {
  const up = addTestnetOptions(command.command("up"), testnetOptionsSchema)
    .description("start a network in the background")
    .option("--json", "print one JSON document")
    .action(async ({ json }: Placed) => {
      const testnet = await loadTestnet();
      const state = await testnet.upTestnet(inputOf(up, testnet));
      if (json === true) return terminal.json(state);
      for (const line of describeState(state)) terminal.line(line);
      terminal.line("stop it with: klatch testnet down");
    });
}

function defineStatus(command: Command, terminal: Terminal): void {
  withFolder(command.command("status"))
    .description("the network in the background, peer by peer")
    .action(async ({ folder, json }: Placed) => {
      const { statusTestnet } = await loadTestnet();
      const state = await statusTestnet(folder);
      if (json === true) return terminal.json(state);
      for (const line of describeState(state)) terminal.line(line);
    });
}

function defineUi(command: Command, terminal: Terminal): void {
  withFolder(command.command("ui"))
    .description("the address of the page that shows the network in the background")
    .action(async ({ folder, json }: Placed) => {
      const { pageOfTestnet } = await loadTestnet();
      const page = pageOfTestnet(folder);
      if (json === true) return terminal.json({ page });
      terminal.line(page);
      terminal.note("open it in a browser on this machine");
    });
}

function defineLogs(command: Command, terminal: Terminal): void {
  command
    .command("logs")
    .argument("[peer]", "its number, from 1", PEER)
    .description("what the peers of the network in the background say, or one of them")
    .option("--follow", "go on with what they say from now on")
    .option("--lines <n>", "last lines of each", wholeNumber(0, 100_000), LOG_LINES)
    .option("--folder <folder>", "working folder of the network")
    .action(async (peer: number | undefined, flags: LogFlags) => {
      const { logsOfTestnet } = await loadTestnet();
      const choice = {
        peer: peer ?? null,
        lines: flags.lines,
        follow: flags.follow === true,
      };
      const stopped = new AbortController();
      for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopped.abort());
      const write = ({ index }: { readonly index: number }, line: string) =>
        terminal.line(`peer ${index + 1} | ${line}`);
      await logsOfTestnet(write, choice, stopped.signal, flags.folder);
    });
}

interface LogFlags extends Placed {
  readonly follow?: boolean;
  readonly lines: number;
}

function defineChaos(command: Command, terminal: Terminal): void {
  const chaos = command
    .command("chaos")
    .description("do something to a peer of the network in the background");
  for (const [what, text] of Object.entries(CHAOS_TEXTS) as [Chaos, string][]) {
    withFolder(chaos.command(what))
      .argument("<peer>", "its number, from 1", PEER)
      .description(text)
      .action(async (peer: number, { folder, json }: Placed) => {
        const { chaosTestnet } = await loadTestnet();
        const request = { do: what, peer };
        await chaosTestnet(request, folder);
        if (json === true) terminal.json(request);
        else terminal.line(`peer ${request.peer}: ${what} done`);
      });
  }
}

type Chaos = Parameters<Testnet["chaosTestnet"]>[0]["do"];

const CHAOS_TEXTS: Readonly<Record<Chaos, string>> = {
  kill: "SIGKILL, as a power cut would; it stays down",
  restart: "SIGKILL if it runs, and start it again",
  pause: "SIGSTOP: nobody hears of it, and it does nothing",
  resume: "SIGCONT: it goes on where it was paused",
};

function defineDown(command: Command, terminal: Terminal): void {
  withFolder(command.command("down"))
    .description("stop the network in the background")
    .action(async ({ folder, json }: Placed) => {
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

/** The scenario, where one is named, under the flags that were given. */
function inputOf(
  command: Command,
  { readScenario }: Testnet,
): Parameters<Testnet["runTestnet"]>[0] {
  const { json: _, scenario, ...flags } = command.opts<Record<string, unknown>>();
  const given = Object.entries(flags).filter(
    ([name]) => command.getOptionValueSource(name) !== "default",
  );
  const told = typeof scenario === "string" ? readScenario(scenario) : {};
  return { ...told, ...Object.fromEntries(given) };
}

/** A person is told what the first signal does; the peers have logs of their own. */
function noticesOnly(terminal: Terminal): ProcessHooks["log"] {
  const { warn, error } = silentLogger();
  const info = (...[, message]: readonly unknown[]) => terminal.note(String(message));
  return { info, warn, error };
}

const loadTestnet = () => loadTestnetModule<Testnet>("index");

function describeState(state: Awaited<ReturnType<Testnet["statusTestnet"]>>): readonly string[] {
  const peers = state.peers.map(({ status, index, id, role, url, isPaused }) => {
    const where = status
      ? `round ${status.round} of ${status.rounds}, ${status.state}, ${status.phase}`
      : isPaused
        ? "paused"
        : "does not answer";
    return `peer ${index + 1}  ${short(id)}  ${role}  ${url}  ${where}`;
  });
  return [
    `${state.state} in ${state.folder} since ${state.startedAt}`,
    ...peers,
    ...(state.page === null ? [] : [`the whole network: ${state.page}`]),
  ];
}
