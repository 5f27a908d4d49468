import type { Keyboard } from "./questions.ts";

/**
 * What a command may do to the world besides its work: results go to standard output, everything else to the error
 * stream.
 */
export interface Terminal {
  /** Characters in a line of the screen that results go to; null where they go to a file or another program. */
  readonly columns: number | null;
  /** Where a person can be asked, and shown what moves; absent where nobody sits at a terminal. */
  readonly keyboard?: Keyboard;
  /** One line of a result for a person. */
  line(text: string): void;
  /** The whole result as one JSON document. */
  json(value: unknown): void;
  /** Replaces the last line that this wrote on the error stream; "" removes it. Nothing where that is no terminal. */
  overwrite(text: string): void;
  /** Something a person should know that is no result. */
  note(text: string): void;
  /** Ends the command with this exit code, after what it printed. */
  fail(exitCode: number): void;
}

/** A module of `commands/`: it adds its description, options and action to its command. */
export interface CommandModule {
  /** @param whole - makes the program with all its commands, for what tells of them */
  define(
    command: import("commander").Command,
    terminal: Terminal,
    whole: () => Promise<import("commander").Command>,
  ): void;
}

/** A reader that has gone, and a terminal that was closed. */
const GONE: ReadonlySet<string> = new Set(["EPIPE", "EIO"]);

/** To the line's beginning, and away with what stands there. */
const CLEAR_LINE = "\r\u001b[K";

/**
 * The terminal of this process. A reader that goes away (`klatch rounds | head`, a window that is closed) ends the
 * output, not the program.
 */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (!GONE.has(error.code ?? "")) throw error;
    });
  }
  return {
    columns: process.stdout.isTTY ? process.stdout.columns : null,
    ...(process.stdin.isTTY && process.stdout.isTTY
      ? { keyboard: { input: process.stdin, output: process.stdout } }
      : {}),
    line: (text) => void process.stdout.write(`${text}\n`),
    json: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
    overwrite: (text) => {
      const width = process.stderr.isTTY ? process.stderr.columns : 0;
      if (width > 0) process.stderr.write(`${CLEAR_LINE}${text.slice(0, width - 1)}`);
    },
    note: (text) => {
      if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
      process.stderr.write(`${text}\n`);
    },
    fail: (exitCode) => {
      process.exitCode = exitCode;
    },
  };
}
