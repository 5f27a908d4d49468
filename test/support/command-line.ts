import { expect } from "vitest";
import { runCli } from "../../src/node/command-line.ts";

/** What a command left behind. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command of `klatch` in this process, on a terminal that remembers; of a screen's width, or of none. */
export async function runCommand(
  args: readonly string[],
  columns: number | null = null,
): Promise<CommandResult> {
  let stdout = "";
  let stderr = "";
  const code = await runCli(args, {
    columns,
    line: (text) => {
      stdout += `${text}\n`;
    },
    json: (value) => {
      stdout += `${JSON.stringify(value)}\n`;
    },
    overwrite: () => undefined,
    note: (text) => {
      stderr += `${text}\n`;
    },
    fail: () => {
      throw new Error("the command line keeps the exit code to itself");
    },
  });
  return { code, stdout, stderr };
}

/** Runs a command that must succeed with `--json`, and returns the one document that it printed. */
export async function runJson<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await runCommand([...args, "--json"]);
  expect(code, stderr).toBe(0);
  // One document and its newline, nothing else.
  expect(stdout).toMatch(/^[^\n]+\n$/);
  return JSON.parse(stdout) as T;
}
