/**
 * The table of commands, and the only place that turns errors into text and exit codes. Each command is a file of its
 * own, loaded when it is called.
 *
 * @packageDocumentation
 */
import { Command, CommanderError } from "commander";
import { EXIT_CODES, KlatchError } from "../errors.ts";
import { keepHeapSmall } from "./process/small-heap.ts";
import { addExamples } from "./shell/examples.ts";
import { VERSION } from "./version.ts";
import type { CommandModule, Terminal } from "./view/terminal.ts";

const COMMANDS: readonly {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
  /** Whether it runs for days, beside others. */
  readonly resident?: boolean;
}[] = [
  {
    name: "init",
    summary: "write an identity and a commented configuration",
    load: () => import("./commands/init.ts"),
  },
  {
    name: "run",
    summary: "create a run, with tickets for those who are to join it",
    load: () => import("./commands/run.ts"),
  },
  {
    name: "join",
    summary: "join a run by its ticket",
    load: () => import("./commands/join.ts"),
  },
  {
    name: "start",
    summary: "train with the others",
    load: () => import("./commands/start.ts"),
    resident: true,
  },
  {
    name: "status",
    summary: "what the node is doing, or did last",
    load: () => import("./commands/status.ts"),
  },
  {
    name: "top",
    summary: "the node and its network, live on the whole screen",
    load: () => import("./commands/top.ts"),
  },
  {
    name: "peers",
    summary: "the other members, as the node sees them",
    load: () => import("./commands/peers.ts"),
  },
  {
    name: "rounds",
    summary: "the rounds of the node",
    load: () => import("./commands/rounds.ts"),
  },
  {
    name: "runs",
    summary: "the runs in the node's folder, with their checkpoints",
    load: () => import("./commands/runs.ts"),
  },
  {
    name: "train",
    summary: "train an adapter alone, without peers",
    load: () => import("./commands/train.ts"),
  },
  {
    name: "doctor",
    summary: "will it work here",
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "eval",
    summary: "measure a model, with or without an adapter",
    load: () => import("./commands/eval.ts"),
  },
  {
    name: "generate",
    summary: "complete a prompt",
    load: () => import("./commands/generate.ts"),
  },
  {
    name: "predict",
    summary: "answer every row of a file",
    load: () => import("./commands/predict.ts"),
  },
  {
    name: "export",
    summary: "write the trained adapter as a PEFT folder",
    load: () => import("./commands/export.ts"),
  },
  {
    name: "verify",
    summary: "check who has signed an adapter, offline",
    load: () => import("./commands/verify.ts"),
  },
  {
    name: "report",
    summary: "was it worth it for us: losses, costs, contributions",
    load: () => import("./commands/report.ts"),
  },
  {
    name: "member",
    summary: "add, remove or re-key members, by signatures of a quorum",
    load: () => import("./commands/member.ts"),
  },
  {
    name: "bench",
    summary: "measure this machine",
    load: () => import("./commands/bench.ts"),
  },
  {
    name: "testnet",
    summary: "run a whole network on this machine",
    load: () => import("./commands/testnet.ts"),
  },
  {
    name: "sim",
    summary: "simulate a network of many peers in virtual time",
    load: () => import("./commands/sim.ts"),
  },
  {
    name: "service",
    summary: "a node as a service of systemd",
    load: () => import("./commands/service.ts"),
  },
  {
    name: "completion",
    summary: "what makes a shell complete commands and flags",
    load: () => import("./commands/completion.ts"),
  },
];

/** Runs one command line (without the program's own two words) and returns its exit code. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  let failure = 0;
  const reporting: Terminal = {
    ...terminal,
    fail: (exitCode) => {
      failure = exitCode;
    },
  };
  try {
    const words = withHelpFlag(argv);
    const called = words.find((word) => !word.startsWith("-"));
    if (COMMANDS.some(({ name, resident }) => name === called && resident === true))
      keepHeapSmall();
    const program = await buildProgram((name) => name === called, reporting);
    await program.parseAsync([...words], { from: "user" });
    return failure;
  } catch (error) {
    return report(error, argv, terminal);
  }
}

/** Every command with all that it has, to be read and not to be run. */
export function wholeProgram(terminal: Terminal): Promise<Command> {
  return buildProgram(() => true, terminal);
}

// --- internal ---

/** `klatch help start` is `klatch start --help`: commands are loaded by their names. */
function withHelpFlag(argv: readonly string[]): readonly string[] {
  const [first, command] = argv;
  if (first !== "help") return argv;
  // Commander names a command that there is not, and the nearest that there is.
  const isKnown = command === undefined || COMMANDS.some(({ name }) => name === command);
  return isKnown ? [...argv.slice(1), "--help"] : argv.slice(1);
}

/** The program, with what the commands that are wanted have. */
async function buildProgram(
  isWanted: (name: string) => boolean,
  terminal: Terminal,
): Promise<Command> {
  const program = new Command("klatch")
    .description("Fine-tune one foundation model together: no server, no shared data.")
    .version(VERSION, "-V, --version", "print the version")
    .helpCommand(false)
    .exitOverride()
    // Long flags leave half of an 80-column terminal to the descriptions; they are wrapped there too.
    .configureHelp({ minWidthToWrap: 20 })
    .configureOutput({
      writeOut: (text) => terminal.line(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    });
  program.addHelpText("after", "\n`klatch help COMMAND` tells more of one.");
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).summary(summary).description(summary);
    if (!isWanted(name)) continue;
    (await load()).define(command, terminal, () => wholeProgram(terminal));
    addExamples(command, name);
  }
  return program;
}

/** One line and a hint for what an operator can act upon; a stack for a bug. */
function report(error: unknown, argv: readonly string[], terminal: Terminal): number {
  const asJson = argv.includes("--json");
  if (error instanceof CommanderError) {
    // Help and version end like this too, with 0; commander has printed what there is to say.
    if (error.exitCode === 0) return 0;
    const [message = "", hint = ""] = error.message.replace(/^error: /, "").split("\n");
    if (asJson) terminal.json({ error: { code: "usage", message, hint } });
    return EXIT_CODES.usage;
  }
  if (error instanceof KlatchError) {
    const { code, message, hint, exitCode } = error;
    terminal.note(`error: ${message}\nhint: ${hint}`);
    if (asJson) terminal.json({ error: { code, message, hint } });
    return exitCode;
  }
  terminal.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (asJson) {
    const hint = "this is a bug in klatch: the error stream has the details";
    terminal.json({ error: { code: "internal", message: String(error), hint } });
  }
  return EXIT_CODES.internal;
}
