import { join } from "node:path";
import { expect, test } from "vitest";
import { TestProcess } from "../../support/child-process.ts";

const ROOT = join(import.meta.dirname, "../../..");
const START = "src/node/commands/start.ts";
/** What a node loads when it opens its network. */
const WIRE = "src/gossip/network.ts";
const STATUS = "src/node/commands/status.ts";
const LEARNER = "src/training/learner/core.ts";
const CSV = "src/training/data/rows/csv-rows.ts";
const PARQUET = "src/training/data/rows/parquet-rows.ts";

/** Runs a program of test/support; what it prints. */
async function printed(program: string, args: readonly string[]): Promise<unknown> {
  const child = new TestProcess(join(ROOT, "test/support", program), args);
  await child.ended();
  return JSON.parse(child.stdout);
}

/** Addresses of modules, and names of Node's own. */
async function addressesLoadedWith(...files: readonly string[]): Promise<readonly string[]> {
  const named = files.map((file) => (file.startsWith("node:") ? file : join(ROOT, file)));
  return (await printed("loaded-modules.ts", named)) as string[];
}

/** The packages and files of this repository that come with some files, by their paths from the root. */
async function loadedWith(...files: readonly string[]): Promise<readonly string[]> {
  return (await addressesLoadedWith(...files))
    .map(
      (url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? url.split(`${ROOT}/`)[1],
    )
    .filter((name) => name !== undefined);
}

const READERS = ["csv-parse", "hyparquet", "hyparquet-compressors", "fzstd", "sharp"];
const ENGINES = ["onnxruntime-node", "onnxruntime-common", "@tensorflow/tfjs-core"];
const TOKENIZERS = ["@huggingface/tokenizers"];
/** But for what the configuration is made of, which imports nothing. */
const OF_THE_LEARNER =
  /^src\/training\/(models|layers|programs|onnx|data\/(?!rows\/splits|examples\/separator)|batches|adapters\/(?!config))/;
const OF_COMMANDS =
  /^(src\/training\/files\/hub\/(?!model-id)|src\/training\/bench\/(?!shapes|on-demand)|testnet\/)/;

test("a node's main thread loads no models, engines, tokenizers or readers of data", async () => {
  const loaded = await loadedWith(START, WIRE);
  const packages = [...READERS, ...ENGINES, ...TOKENIZERS];
  expect(packages.filter((name) => loaded.includes(name))).toEqual([]);
  expect(loaded.filter((name) => OF_THE_LEARNER.test(name) || OF_COMMANDS.test(name))).toEqual([]);
});

test("the learner's thread loads no reader but that of JSON Lines and text, and no network", async () => {
  const loaded = await loadedWith(LEARNER);
  const packages = [...READERS, "libp2p", "@libp2p/gossipsub", "fastify", "pino"];
  expect(packages.filter((name) => loaded.includes(name))).toEqual([]);
});

/** What `fetch` is made of. */
const isOfFetch = (name: string): boolean => name.includes("deps/undici");

test("a command that looks at a node loads no network and nothing of a node that runs", async () => {
  const loaded = await loadedWith(STATUS);
  const packages = ["libp2p", "@libp2p/utils", "fastify", "prom-client", "pino", "pino-pretty"];
  expect(packages.filter((name) => loaded.includes(name))).toEqual([]);
  expect(loaded).toContain("zod");
});

test("neither loads what fetch is made of, which an import of node:http does (control)", async () => {
  for (const files of [[START, WIRE], [LEARNER]]) {
    expect((await addressesLoadedWith(...files)).filter(isOfFetch)).toEqual([]);
  }
  expect((await addressesLoadedWith("node:http")).filter(isOfFetch)).not.toEqual([]);
});

test("both are seen where they are loaded (control)", async () => {
  const loaded = await loadedWith(LEARNER, START, WIRE, CSV, PARQUET);
  expect(loaded).toEqual(expect.arrayContaining(["csv-parse", "hyparquet", "libp2p", "fastify"]));
  expect(loaded).toEqual(expect.arrayContaining(TOKENIZERS));
  expect(loaded.filter((name) => OF_THE_LEARNER.test(name)).length).toBeGreaterThan(100);
});

test.each([
  ["keeps the heap of a node small", "start", 8],
  ["lets that of other commands grow (control)", "sim", 32],
])("%s", async (_, command, mebibytes) => {
  const { young } = (await printed("young-heap.ts", [command, "--help"])) as { young: number };
  if (command === "start") expect(young).toBeLessThanOrEqual(mebibytes);
  else expect(young).toBeGreaterThanOrEqual(mebibytes);
});
