import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { onTestFinished } from "vitest";

/** A process of a test: its lines, its end; gone when the test has finished. */
export class TestProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly lines: string[] = [];
  /** Lines of the error stream. */
  readonly notes: string[] = [];
  stdout = "";
  stderr = "";
  readonly #closed: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #onLine: () => void = () => undefined;

  constructor(
    file: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    program = process.execPath,
  ) {
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    this.child = spawn(program, [file, ...args], {
      env: { PATH, NODE_COMPILE_CACHE, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.#collect(this.child.stdout, this.lines);
    this.#collect(this.child.stderr, this.notes);
    this.#closed = once(this.child, "close").then(([code, signal]) => ({ code, signal }));
    onTestFinished(async () => {
      this.child.kill("SIGKILL");
      await this.#closed;
    });
  }

  #collect(input: Readable, lines: string[]): void {
    createInterface({ input }).on("line", (line) => {
      lines.push(line);
      this.#onLine();
    });
  }

  /**
   * The first line of either stream, now or later, that satisfies the condition; fails when the process ends before.
   */
  async line(isIt: (line: string) => boolean): Promise<string> {
    const found = Promise.withResolvers<string>();
    this.#onLine = () => {
      const line = [...this.lines, ...this.notes].find(isIt);
      if (line !== undefined) found.resolve(line);
    };
    this.#onLine();
    const ended = this.#closed.then(({ code, signal }) => {
      throw new Error(`ended with ${code ?? signal} before the line came: ${this.stderr}`);
    });
    return Promise.race([found.promise, ended]);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** How it ended. */
  async ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return this.#closed;
  }
}
