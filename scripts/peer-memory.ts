/**
 * What the peers of a testnet take in memory while they train. Linux only: it reads /proc.
 *
 *   node scripts/peer-memory.ts --peers 10 --rounds 4 --steps 20 --model FOLDER --data PATH [--test PATH]
 *     [--partition P] [--seed 1] [--json]
 *
 * "Peak" is the greatest of a peer's samples, "steady" the median of those of the second half of its time. Adapter and
 * activations are counted by plan: the adapter with gradient and moments and one more for each neighbour, and what is
 * alive at one time while a part of the largest batch trains. Everything else is what a peer costs "beyond".
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { learnerOptions } from "../src/node/config/learner-options.ts";
import { loadConfig } from "../src/node/config/load.ts";
import { bytes, table } from "../src/node/view/table.ts";
import { createLearner } from "../src/training/index.ts";
import type { TestnetInput } from "../testnet/options.ts";
import { runTestnet } from "../testnet/run.ts";
import { childrenOf, memoryOf, type ProcessMemory } from "./memory/process-memory.ts";
import { spread } from "./speed-comparison.ts";

const SAMPLE_MS = 250;
const MEBIBYTE = 2 ** 20;

const { values } = parseArgs({
  options: {
    peers: { type: "string", default: "4" },
    rounds: { type: "string", default: "4" },
    steps: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    model: { type: "string" },
    data: { type: "string" },
    test: { type: "string" },
    partition: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const work = mkdtempSync(join(tmpdir(), "klatch-peer-memory-"));
try {
  const samples = await sampledRun(join(work, "testnet"));
  const { model, activations, adapter } = await plannedBytes(join(work, "testnet"));
  const peers = [...samples].map(([pid, all]) => ({ pid, ...summary(all), heaps: heapsOf(pid) }));
  const result: Result = { model, adapter, activations, peers, all: together(samples) };
  if (values.json) write(JSON.stringify(result));
  else print(result);
} finally {
  rmSync(work, { recursive: true });
}

// --- internal ---

type Samples = ReadonlyMap<number, readonly ProcessMemory[]>;

/** In bytes, but for the model's parameters. */
interface Result extends Awaited<ReturnType<typeof plannedBytes>> {
  readonly peers: readonly (ReturnType<typeof summary> & {
    readonly heaps: ReturnType<typeof heapsOf>;
  })[];
  readonly all: ReturnType<typeof together>;
}

/** Runs the testnet with the preload that tells of heaps, and looks at its processes all the while. */
async function sampledRun(folder: string): Promise<Samples> {
  const preload = pathToFileURL(join(import.meta.dirname, "memory/heaps.mjs")).href;
  Object.assign(process.env, { NODE_OPTIONS: `--import ${preload}`, PEER_HEAPS: work });
  const samples = new Map<number, ProcessMemory[]>();
  const timer = setInterval(() => {
    for (const pid of childrenOf(process.pid)) {
      const memory = memoryOf(pid);
      if (memory !== null) samples.set(pid, [...(samples.get(pid) ?? []), memory]);
    }
  }, SAMPLE_MS);
  const { peers, rounds, steps, seed, model = "", data = "", test, partition } = values;
  const input: TestnetInput = {
    ...{ peers: Number(peers), rounds: Number(rounds), steps: Number(steps), seed: Number(seed) },
    ...{ model, data, folder },
    ...(test === undefined ? {} : { test }),
    ...(partition === undefined ? {} : { partition }),
  };
  try {
    await runTestnet(input, { output: values.json ? null : process.stderr });
  } finally {
    clearInterval(timer);
  }
  return samples;
}

/** What the first peer plans for, by its own configuration. */
async function plannedBytes(folder: string) {
  const config = loadConfig({ file: join(folder, "peer-01", "klatch.yaml") });
  const learner = await createLearner(learnerOptions(config));
  const { activations, optimiser } = await learner.planMemory();
  const { layout, parameters } = learner.info;
  await learner.close();
  const neighbours = Number(values.peers) - 1;
  const adapter = optimiser + neighbours * layout.length * Float32Array.BYTES_PER_ELEMENT;
  return { model: parameters, activations, adapter };
}

function summary(samples: readonly ProcessMemory[]) {
  const later = samples.slice(Math.floor(samples.length / 2));
  const of = (which: readonly ProcessMemory[], field: keyof ProcessMemory) =>
    spread(which.map((each) => each[field]));
  return {
    rssPeak: of(samples, "rss").most,
    rssSteady: of(later, "rss").median,
    pssPeak: of(samples, "pss").most,
    pssSteady: of(later, "pss").median,
    files: of(later, "files").median,
    anonymous: of(later, "anonymous").median,
  };
}

/** What the threads of a peer last told of their heaps, in bytes. */
function heapsOf(pid: number): { readonly main: number; readonly learner: number } {
  const read = (thread: string): number => {
    const told = readFileSync(join(work, `${pid}.${thread}.json`), "utf8");
    return (JSON.parse(told) as { heap: number }).heap;
  };
  return { main: read("main"), learner: read("learner") };
}

/** The most that all peers took at one time, sample by sample from the end of the last one's start. */
function together(samples: Samples) {
  const length = Math.min(...[...samples.values()].map((all) => all.length));
  const sums = Array.from({ length }, (_, i) => {
    const now = [...samples.values()].map((all) => all[all.length - length + i]);
    const sum = (field: keyof ProcessMemory) =>
      now.reduce((total, each) => total + (each?.[field] ?? 0), 0);
    return { rss: sum("rss"), pss: sum("pss") };
  });
  return {
    rssPeak: Math.max(...sums.map(({ rss }) => rss)),
    pssPeak: Math.max(...sums.map(({ pss }) => pss)),
  };
}

function print({ peers, all, model, adapter, activations }: Result): void {
  const headers = ["MiB", "median", "least", "most"];
  const row = (name: string, numbers: readonly number[]) => {
    const { median, least, most } = spread(numbers.map((n) => Math.round(n / MEBIBYTE)));
    return [name, median, least, most];
  };
  const beyond = adapter + activations;
  const rows = [
    row(
      "RSS, peak",
      peers.map((p) => p.rssPeak),
    ),
    row(
      "RSS, steady",
      peers.map((p) => p.rssSteady),
    ),
    row(
      "PSS, peak",
      peers.map((p) => p.pssPeak),
    ),
    row(
      "PSS, steady",
      peers.map((p) => p.pssSteady),
    ),
    row(
      "RSS beyond adapter and activations, peak",
      peers.map((p) => p.rssPeak - beyond),
    ),
    row(
      "PSS beyond adapter and activations, peak",
      peers.map((p) => p.pssPeak - beyond),
    ),
    row(
      "of the steady: pages of files",
      peers.map((p) => p.files),
    ),
    row(
      "  heap of the main thread",
      peers.map((p) => p.heaps.main),
    ),
    row(
      "  heap of the learner's thread",
      peers.map((p) => p.heaps.learner),
    ),
    row(
      "  ONNX Runtime, arrays, the rest",
      peers.map((p) => p.anonymous - p.heaps.main - p.heaps.learner),
    ),
  ];
  write(`${peers.length} peers, a model of ${model} parameters`);
  write(`adapter ${bytes(adapter)}, activations ${bytes(activations)}, by plan`);
  for (const line of table(headers, rows)) write(line);
  write(`all together, peak: RSS ${bytes(all.rssPeak)}, PSS ${bytes(all.pssPeak)}`);
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
