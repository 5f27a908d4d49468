import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { writeDemoData } from "../../testnet/texts/demo-data.ts";
import { programFile } from "../support/program-file.ts";

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the real program. */
export function startCli(args: readonly string[], cwd: string): ChildProcess {
  return spawn(process.execPath, [programFile("src/node/cli"), ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs the real program to its end. */
export async function runCli(args: readonly string[], cwd: string): Promise<Outcome> {
  return outcomeOf(startCli(args, cwd));
}

export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

/** A scratch folder with the data of four organisations in `data/train` and a test set in `data/test.jsonl`. */
export async function makeScratch(): Promise<{ folder: string; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), "klatch-e2e-"));
  await writeDemoData(join(folder, "data"), { seed: 7, rowsPerOrganisation: 60, testRows: 16 });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Flags of a network that is small enough for a test. */
export const SMALL = [
  ["--data", "data/train"],
  ["--test", "data/test.jsonl"],
  ["--steps", "2"],
  ["--batch-size", "4"],
  ["--rank", "2"],
  ["--targets", "q,v"],
  ["--sequence-max", "64"],
].flat();

/** Addresses of the status endpoints of the peers that are up in a working folder. */
export function statusUrls(network: string): string[] {
  if (!existsSync(network)) return [];
  return readdirSync(network)
    .map((name) => join(network, name, "node", "status.json"))
    .filter((file) => existsSync(file))
    .map((file) => String(JSON.parse(readFileSync(file, "utf8")).url));
}

export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    // Nobody listens.
    return false;
  }
}

/** Whether a process runs; one that has ended and was not yet buried by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, "utf8"));
}

/** Waits until a condition holds; throws when it does not within the deadline. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const seconds = 120;
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await delay(100);
  }
}
