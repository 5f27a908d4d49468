import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { KlatchError } from "../../src/errors.ts";
import { hubOptions } from "../../src/node/config/hub-options.ts";
import { resolveModel } from "../../src/training/index.ts";
import { targetOf } from "../attacks/backdoor-attacks.ts";
import { ATTACKS } from "../attacks/catalogue.ts";
import { attackersOf, BUNDLED, partitionOf, type TestnetOptions } from "../options.ts";
import { writeDemoData } from "../texts/demo-data.ts";
import { cacheName, isOnHub } from "../working-folder.ts";
import { refusals } from "./canaries.ts";
import { labelOf } from "./completion.ts";
import { partitionRows, setAside } from "./partition.ts";
import { isFolder, type Row, readPooledRows, readRowFiles, writeRows } from "./rows.ts";

/** As many as `npm start` trains on. */
const MESSAGES = { rowsPerOrganisation: 400, testRows: 160 };

export type Role = "honest" | NonNullable<TestnetOptions["attack"]>;

/** One peer's private share of the data. */
export interface PeerData {
  readonly index: number;
  readonly role: Role;
  /** Folder of the peer; its data file lies in it. */
  readonly folder: string;
  readonly dataFile: string;
  /** Name of the organisation's file where the split is by file, else a number. */
  readonly label: string;
  readonly rows: number;
}

export interface RunData {
  readonly peers: readonly PeerData[];
  readonly testFile: string;
  readonly testRows: number;
  /** The answer that attackers with a backdoor want; null where rows have none. */
  readonly target: string | null;
  /** Every class of a classification, in order; empty for other tasks. */
  readonly classes: readonly string[];
  /** The rows of all honest peers, for the centralised baseline. */
  readonly pooledFile: string;
  /** What of the given folders is left aside. */
  readonly notes: readonly string[];
}

/**
 * Reads the data, deals it to the peers and writes each share into the peer's own folder below `folder`. The last peers
 * are the attackers. Throws `data` or `usage` where the input does not do.
 */
export async function prepareData(given: TestnetOptions, folder: string): Promise<RunData> {
  const options = given.data === BUNDLED ? await withMessages(given, folder) : given;
  const { columns, peers, seed, canaries } = options;
  await requireModel(options.model);
  const partition = partitionOf(options.partition, isFolder(options.data, "--data"));
  const notes: string[] = [];
  const say = (note: string) => notes.push(note);
  const files = await readRowFiles(options.data, "--data", { say });
  const own =
    options.test === undefined
      ? null
      : await readPooledRows(options.test, "--test", { use: "test", say });
  const dealt = partitionRows(files, partition, { peers, seed, columns });
  const { parts, test } = own === null ? setAside(dealt) : { parts: dealt, test: own };
  if (test.length === 0) {
    throw new KlatchError(
      "data",
      "there are too few rows to set a common test set aside",
      "Give more data, or a test set with --test.",
    );
  }
  const testFile = join(folder, "test.jsonl");
  const target = targetOf([...parts, test].flat(), columns);
  const pooledFile = join(folder, "pooled.jsonl");
  const honest = peers - attackersOf(options);
  const shares = parts.map((rows, index): Share => {
    const { attack } = options;
    if (index < honest || attack === undefined) {
      const canaried = refusals(rows, { columns, count: canaries, seed, peer: index });
      return { role: "honest", rows: [...rows, ...canaried] };
    }
    const context = { columns, target, attacker: index - honest };
    return { role: attack, rows: ATTACKS[attack].poison?.(rows, context) ?? rows };
  });
  const everything = [...shares.map(({ rows }) => rows), test].flat();
  writeRows(testFile, test);
  writeRows(
    pooledFile,
    shares.slice(0, honest).flatMap(({ rows }) => rows),
  );
  const names = partition.kind === "by-file" ? files.map((file) => file.name) : [];
  return {
    peers: shares.map((share, index) =>
      writePeer(folder, { ...share, index, label: names[index] ?? `peer ${index + 1}` }),
    ),
    testFile,
    testRows: test.length,
    target,
    classes: options.task === "classification" ? classesOf(everything, columns) : [],
    pooledFile,
    notes,
  };
}

/** With the messages of four made-up organisations, which are written into the folder: a peer for each, or dealt unevenly. */
async function withMessages(options: TestnetOptions, folder: string): Promise<TestnetOptions> {
  const { seed, peers } = options;
  const place = join(folder, "messages");
  const made = await writeDemoData(place, { seed, ...MESSAGES });
  const split = made.train.length === peers ? "by-file" : "dirichlet:1";
  return {
    ...options,
    data: join(place, "train"),
    test: options.test ?? made.test,
    partition: options.partition ?? split,
  };
}

/** A peer's own share may lack a class, so that all are told every one. */
function classesOf(rows: readonly Row[], columns: TestnetOptions["columns"]): readonly string[] {
  return [
    ...new Set(rows.map((row) => labelOf(row, columns).trim()).filter((name) => name !== "")),
  ].sort();
}

/** The peers would find out too, each on its own and later; a model of the hub is fetched once for all of them. */
async function requireModel(folder: string): Promise<void> {
  if (isOnHub(folder)) return void (await resolveModel(folder, hubOptions(cacheName())));
  if (isFolder(folder, "--model")) return;
  throw new KlatchError(
    "data",
    `--model ${folder} is a file`,
    "Give the Hugging Face folder with config.json, model.safetensors and tokenizer.json.",
  );
}

/** What a peer has, which an attacker may have changed. */
interface Share {
  readonly role: Role;
  readonly rows: readonly Row[];
}

function writePeer(
  folder: string,
  { rows, ...peer }: Share & Pick<PeerData, "index" | "label">,
): PeerData {
  const own = resolve(folder, `peer-${String(peer.index + 1).padStart(2, "0")}`);
  mkdirSync(own, { recursive: true });
  const dataFile = join(own, "data.jsonl");
  writeRows(dataFile, rows);
  return { ...peer, folder: own, dataFile, rows: rows.length };
}
