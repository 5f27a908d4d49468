import { KlatchError } from "../../../errors.ts";
import type { ColumnMap } from "../examples/columns.ts";
import { countDuplicates } from "../examples/duplicates.ts";
import type { Example, ExampleFormat } from "../examples/example.ts";
import { ExampleReader, type Reading } from "../examples/example-reader.ts";
import { type CutTokens, cutOf } from "../examples/lost-tokens.ts";
import { DEFAULT_SEPARATOR, type Seams } from "../examples/separator.ts";
import type { Packing } from "../examples/windows.ts";
import { expandFolders, totalBytes } from "../rows/folders.ts";
import type { Use } from "../rows/splits.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { ExampleStore, type Examples, ExampleWriter, tokensInMemory } from "./example-store.ts";
import { TokenCache } from "./token-cache.ts";
import type { DatasetFacts } from "./token-file.ts";

/** Counts of one data set after reading. */
export interface DataSummary {
  readonly examples: number;
  readonly tokens: number;
  /** Rows cut to `sequenceMax`. */
  readonly truncated: number;
  /** The tokens of those rows; absent where there is none. */
  readonly cut?: CutTokens;
  /** Rows left out because their completion or text is empty. */
  readonly skipped: number;
  /** Examples that say the same as an earlier one of the set, but for case and spaces. */
  readonly duplicates: number;
  /** What else the reader of the data has to know, one sentence each. */
  readonly notes: readonly string[];
}

export interface Dataset<E = Example> {
  readonly examples: Examples<E>;
  /** Hash of each example's text, the same for texts that differ only in case and spaces. */
  readonly hashes: Float64Array;
  /** No example has more ids than this. */
  readonly longest: number;
  readonly summary: DataSummary;
  readonly format: ExampleFormat;
  /** What stands between prompts and completions; absent where there are none. */
  readonly seams?: Seams;
}

/** Where tokens are kept: the same files are not tokenised again, and need not fit into memory. */
export interface CacheOptions {
  readonly folder: string;
  /** Smaller data sets are tokenised quickly enough each time; by default 4 MiB. */
  readonly fromBytes?: number;
  /** Sets with more tokens than this stay in the file; by default 64 million. */
  readonly memoryTokens?: number;
}

export interface DatasetOptions {
  readonly packing?: Packing;
  /** See `joined`. */
  readonly separator?: string;
  /** What the files are read for: of a folder with splits that one is read; "train" when absent. */
  readonly use?: Use;
  readonly cache?: CacheOptions;
  /** Told of the rows read so far, after each batch of them. */
  readonly onRows?: (rows: number) => void;
}

/** Shorter contexts leave no room for a prompt and an answer. */
const SEQUENCE_MIN = 8;
const CACHED_BYTES_MIN = 4 << 20;

function checkContext(sequenceMax: number): void {
  if (sequenceMax >= SEQUENCE_MIN) return;
  throw new KlatchError(
    "usage",
    `a context of ${sequenceMax} tokens is too short to learn from`,
    `give at least ${SEQUENCE_MIN}`,
  );
}

/** Tokenises all files, handing on chunks of tokens as soon as they are full. */
async function tokenise(
  files: readonly string[],
  reading: Reading,
  onRows: DatasetOptions["onRows"],
  handOn: (chunks: readonly Int32Array[]) => Promise<void>,
) {
  const reader = new ExampleReader(reading);
  const writer = new ExampleWriter();
  for (const file of files) {
    for await (const batch of reader.read(file)) {
      for (const { example, hash } of batch) writer.add(example, hash);
      await handOn(writer.takeFull());
      onRows?.(reader.rows);
    }
  }
  for (const { example, hash } of reader.finish()) writer.add(example, hash);
  if (writer.count === 0) {
    const rows = [`${reader.rows} rows, none with text to learn`, ...reader.notes].join("; ");
    throw new KlatchError(
      "data",
      `${files.join(", ") || "the data"} holds no example: ${rows}`,
      "give at least one row that has text, a completion, or a turn of the assistant",
    );
  }
  const { chunks, index } = writer.finish();
  await handOn(chunks);
  const { count, tokens, truncated, cut } = writer;
  const { skipped, notes, format, seams } = reader;
  const duplicates = countDuplicates(index.hashes);
  const counts = { examples: count, tokens, truncated, ...cutOf(cut), skipped, duplicates };
  const summary = { ...counts, notes: [...notes] };
  return { index, facts: { format, seams, summary } };
}

async function tokeniseInMemory(
  files: readonly string[],
  reading: Reading,
  onRows: DatasetOptions["onRows"],
): Promise<Dataset> {
  const all: Int32Array[] = [];
  const { index, facts } = await tokenise(files, reading, onRows, async (chunks) => {
    all.push(...chunks);
  });
  return dataset(new ExampleStore(index, tokensInMemory(all)), facts);
}

async function tokeniseInto(
  cache: TokenCache,
  files: readonly string[],
  reading: Reading,
  onRows: DatasetOptions["onRows"],
): Promise<void> {
  const writer = await cache.write();
  try {
    const { index, facts } = await tokenise(files, reading, onRows, (chunks) =>
      writer.write(chunks),
    );
    await writer.finish(index, facts);
  } catch (error) {
    await writer.discard();
    throw error;
  }
  await cache.prune();
}

function dataset(examples: ExampleStore, facts: DatasetFacts): Dataset {
  return { examples, hashes: examples.index.hashes, longest: examples.longest, ...facts };
}

/**
 * Reads and tokenises data files and folders, pooled in the given order. Rows longer than `sequenceMax` ids are cut and
 * counted, rows whose completion or text is empty are left out and counted. With a cache folder no more than a batch of
 * rows and 20 bytes for each example are in memory at a time.
 *
 * @param columns where an example's parts are; the usual names of the first row when nothing is named
 * @throws KlatchError `data` naming file and line for bad rows and missing columns, `data` when no example is left,
 *   `usage` for a context of fewer than 8 tokens, `disk` when the cache cannot be written
 */
export async function loadDataset(
  files: readonly string[],
  columns: ColumnMap,
  tokenizer: Tokenizer,
  sequenceMax: number,
  options: DatasetOptions = {},
): Promise<Dataset> {
  checkContext(sequenceMax);
  const { packing = "none", separator = DEFAULT_SEPARATOR, use = "train" } = options;
  const reading: Reading = { columns, tokenizer, sequenceMax, packing, separator };
  const { files: paths, notes } = await expandFolders(files, use);
  const { summary, ...rest } = await tokenised(paths, reading, options);
  return { ...rest, summary: { ...summary, notes: [...notes, ...summary.notes] } };
}

// --- internal ---

async function tokenised(
  paths: readonly string[],
  reading: Reading,
  options: DatasetOptions,
): Promise<Dataset> {
  const { onRows } = options;
  if (!options.cache) return tokeniseInMemory(paths, reading, onRows);
  const { folder, memoryTokens, fromBytes = CACHED_BYTES_MIN } = options.cache;
  if ((await totalBytes(paths)) < fromBytes) return tokeniseInMemory(paths, reading, onRows);
  const cache = await TokenCache.open(folder, paths, reading);
  const kept = await cache.read(memoryTokens);
  if (kept) return dataset(kept.examples, kept.facts);
  await tokeniseInto(cache, paths, reading, onRows);
  const written = await cache.read(memoryTokens);
  // Whoever damages a file within the second in which it was written has to wait for the next attempt.
  if (!written)
    throw new KlatchError(
      "disk",
      `${folder} does not keep what is written to it`,
      "check the disk",
    );
  return dataset(written.examples, written.facts);
}
