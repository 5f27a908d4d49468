import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "yaml";
import { statusAddressFile } from "../../src/node/folders/data-folder.ts";
import { openSealed } from "../../src/node/store/sealed-json.ts";
import type { TestnetInput } from "../../testnet/options.ts";
import { downTestnet, upTestnet } from "../../testnet/processes/background.ts";
import { dataFolder } from "../../testnet/processes/peer-config.ts";

/** A node of a network that trains. */
export interface TrainingNode {
  readonly url: string;
  readonly pid: number;
}

/** What a start took, milliseconds. */
export interface StartTimes {
  /** Until the endpoint answers: all but the model. */
  readonly answers: number;
  /** Until the node has its model and data, and has begun. */
  readonly ready: number;
}

const CLI = join(import.meta.dirname, "../../src/node/cli.ts");
const POLL_MS = 20;
const DEADLINE_MS = 60_000;

/** Runs two nodes that train as fast as this machine lets them, while something is measured. */
export async function whileTraining<T>(
  { model, data, folder }: Required<Pick<TestnetInput, "model" | "data" | "folder">>,
  measure: (node: TrainingNode) => Promise<T>,
): Promise<T> {
  const partition = "iid";
  const run = { peers: 2, rounds: 5000, steps: 50, partition } as const;
  const { peers } = await upTestnet({ ...run, model, data, folder });
  try {
    const [first] = peers;
    if (first === undefined) throw new Error("two nodes were started");
    const file = statusAddressFile(dataFolder(first.folder));
    const { pid } = openSealed(readFileSync(file, "utf8")) as { pid: number };
    return await measure({ url: first.url, pid });
  } finally {
    await downTestnet(folder);
  }
}

/** Starts the first node of a network that is down, by itself, and stops it again. */
export async function timeStart(folder: string): Promise<StartTimes> {
  const config = join(folder, "peer-01", "klatch.yaml");
  const { status } = parse(readFileSync(config, "utf8")) as { status: { port: number } };
  const from = performance.now();
  const node = spawn(process.execPath, [CLI, "start", "--config", config], { stdio: "ignore" });
  const closed = new Promise<void>((resolve) => node.on("close", () => resolve()));
  try {
    const url = `http://127.0.0.1:${status.port}`;
    const answers = await since(from, `${url}/healthz`, (code) => code === 200);
    const ready = await since(from, `${url}/v1/health`, (code) => code === 200 || code === 206);
    return { answers, ready };
  } finally {
    node.kill("SIGTERM");
    await closed;
  }
}

// --- internal ---

/** Milliseconds from a time until an address answers with such a code. */
async function since(from: number, url: string, isIt: (code: number) => boolean): Promise<number> {
  while (performance.now() - from < DEADLINE_MS) {
    if (isIt(await codeOf(url))) return Math.round(performance.now() - from);
    await delay(POLL_MS);
  }
  throw new Error(`${url} does not answer so within ${DEADLINE_MS} ms`);
}

/** The code of an answer; 0 where nobody listens yet. */
async function codeOf(url: string): Promise<number> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    if (error instanceof TypeError) return 0;
    throw error;
  }
}
