import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { AUTO_CACHE, compiledCache } from "../../src/node/folders/cache-folder.ts";
import { entryFile } from "./entry-file.ts";

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Time for a graceful stop before SIGKILL, ms; longer than a node's own deadline. */
const STOP_MS = 15_000;

/** One peer: an operating-system process that can be started again; its output goes to a log file. */
export class PeerProcess {
  readonly logFile: string;
  readonly #enter: readonly string[];
  readonly #script: string;
  readonly #args: readonly string[];
  readonly #cwd: string;
  readonly #clockShiftMs: number;
  #isPaused = false;
  #child: ChildProcess | null = null;
  #exited: Promise<Exit> = Promise.resolve({ code: 0, signal: null });
  #exit: Exit | null = null;

  constructor(options: {
    /** A command that runs what follows it elsewhere, as the same process. */
    readonly enter?: readonly string[];
    readonly script: string;
    readonly args: readonly string[];
    readonly cwd: string;
    readonly logFile: string;
    /** How wrong its clock is. */
    readonly clockShiftMs?: number;
  }) {
    this.logFile = options.logFile;
    this.#enter = options.enter ?? [];
    this.#script = options.script;
    this.#args = options.args;
    this.#cwd = options.cwd;
    this.#clockShiftMs = options.clockShiftMs ?? 0;
  }

  /** How the last run of the process ended; null before the first and while it runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#exit === null;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Starts the process, leashed to this one: it stops when this one is gone. */
  start(): void {
    const log = openSync(this.logFile, "a");
    const preloaded = ["./leash", ...(this.#clockShiftMs === 0 ? [] : ["./shifted-clock"])];
    const imports = preloaded.flatMap((name) => ["--import", pathToFileURL(entryFile(name)).href]);
    // A process group of its own keeps a Ctrl-C in the terminal from reaching it twice: the parent passes it on.
    const own = [process.execPath, ...imports, this.#script, ...this.#args];
    const [command = process.execPath, ...args] = [...this.#enter, ...own];
    const child = spawn(command, args, {
      cwd: this.#cwd,
      detached: true,
      windowsHide: true,
      env: { ...ownEnvironment(), TEST_CLOCK_SHIFT_MS: String(this.#clockShiftMs) },
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    this.#child = child;
    this.#exit = null;
    this.#isPaused = false;
    this.#exited = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.#exit = exit;
        resolve(exit);
      };
      child.once("exit", (code, signal) => end({ code, signal }));
      child.once("error", () => end({ code: 1, signal: null }));
    });
  }

  /** Asks the process to stop, insists after a while, and resolves when it is gone. */
  async stop(): Promise<Exit> {
    if (this.#exit === null) this.#child?.kill("SIGTERM");
    this.resume();
    const insist = setTimeout(() => this.#child?.kill("SIGKILL"), STOP_MS);
    const exit = await this.#exited;
    clearTimeout(insist);
    return exit;
  }

  /** SIGSTOP: nobody hears of it, and it does nothing. */
  pause(): void {
    if (this.isRunning) this.#isPaused = this.#child?.kill("SIGSTOP") === true;
  }

  /** It goes on where it was paused. */
  resume(): void {
    if (this.isRunning && this.#isPaused) this.#child?.kill("SIGCONT");
    this.#isPaused = false;
  }

  /** SIGKILL, as a power cut would; resolves when the process is gone. */
  async kill(): Promise<Exit> {
    this.#child?.kill("SIGKILL");
    return this.#exited;
  }

  /** The last lines of the log. */
  logTail(lines: number): string[] {
    const text = readFileSync(this.logFile, "utf8");
    return text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .slice(-lines);
  }
}

/**
 * The environment without settings meant for another node. In a checkout a process also takes TypeScript off every file
 * that it loads, in all threads; with what Node keeps of it from the last time, it loads no compiler.
 */
function ownEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("KLATCH_"));
  return { ...compileCache(), ...ONE_ARENA, ...Object.fromEntries(own) };
}

/** The C library of Linux keeps freed memory for each thread apart: some 15 MiB of a peer that nothing uses. */
const ONE_ARENA = { MALLOC_ARENA_MAX: "1" };

function compileCache(): NodeJS.ProcessEnv {
  const { KLATCH_CACHE } = process.env;
  const folder = compiledCache(KLATCH_CACHE || AUTO_CACHE);
  if (folder === null) return {};
  // Code lies there that will run: it is this user's alone whatever the umask.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { NODE_COMPILE_CACHE: folder };
}
