import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { type Dataset, loadDataset } from "../../../../src/training/data/dataset/dataset.ts";
import type { Example } from "../../../../src/training/data/examples/example.ts";
import type { Row } from "../../../../src/training/data/rows/row.ts";
import { readRows } from "../../../../src/training/data/rows/rows.ts";
import {
  loadTokenizer,
  type Tokenizer,
} from "../../../../src/training/data/tokenizer/tokenizer.ts";
import { inFolder, writeTinyModel } from "../files/tiny-model.ts";

export type Content = string | Uint8Array;

/**
 * The tiny tokenizer (BOS 1, EOS 2, a 3, b 4, c 5, d 6, e 7, space 8, ":" 9, ab 10, abc 11, all else 0), with
 * changes.
 */
export async function tinyTokenizer(
  changes: Parameters<typeof writeTinyModel>[1] = {},
  more: Readonly<Record<string, Content>> = {},
): Promise<Tokenizer> {
  return await inFolder(async (folder) => {
    await writeTinyModel(folder, { ...changes, weights: null });
    await writeFiles(folder, more);
    return await loadTokenizer(folder);
  });
}

/** Writes files by their paths within a folder. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, Content>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** LZ4 without any repetition found: one run of literal bytes (the LZ4 block format, "Sequences"). */
export function lz4Literals(input: Uint8Array): Uint8Array {
  const more: number[] = [];
  for (let rest = input.length - 15; rest >= 0; rest -= 255) more.push(Math.min(rest, 255));
  return Uint8Array.of(Math.min(input.length, 15) << 4, ...more, ...input);
}

/** A Parquet file with text columns (lists and objects as JSON); two rows to a row group. */
export function parquet(
  columns: Readonly<Record<string, readonly unknown[]>>,
  codec: "SNAPPY" | "LZ4_RAW" = "SNAPPY",
): Uint8Array {
  const columnData = Object.entries(columns).map(([name, data]) => {
    const isText = data.every((value) => value === null || typeof value === "string");
    return { name, data: [...data], ...(isText ? { type: "STRING" as const } : {}) };
  });
  const compressors = { LZ4_RAW: lz4Literals };
  const options = { columnData, rowGroupSize: 2, codec };
  return new Uint8Array(
    parquetWriteBuffer(codec === "LZ4_RAW" ? { ...options, compressors } : options),
  );
}

/** Loads files that are written to a folder for the purpose; `use` names what is loaded in it, else everything. */
export async function loadFiles(
  files: Readonly<Record<string, Content>>,
  tokenizer: Tokenizer,
  options: {
    readonly max?: number;
    readonly columns?: Parameters<typeof loadDataset>[1];
    readonly packing?: "none" | "concatenate";
    readonly use?: readonly string[];
  } = {},
): Promise<Dataset> {
  return await inFolder(async (folder) => {
    await writeFiles(folder, files);
    const paths = (options.use ?? Object.keys(files)).map((name) => join(folder, name));
    const { columns = {}, max = 32, packing = "none" } = options;
    return await loadDataset(paths, columns, tokenizer, max, { packing });
  });
}

export function examplesOf({ examples }: Pick<Dataset, "examples">): readonly Example[] {
  return Array.from({ length: examples.length }, (_, i) => examples.at(i)).filter(
    (example) => example !== undefined,
  );
}

export const idsOf = (set: Dataset): readonly (readonly number[])[] =>
  examplesOf(set).map(({ ids }) => [...ids]);

/** The rows of a Parquet file with these bytes. */
export async function rowsOfParquet(bytes: Uint8Array): Promise<readonly Row[]> {
  return await inFolder(async (folder) => {
    await writeFiles(folder, { "a.parquet": bytes });
    return await readRows(join(folder, "a.parquet"));
  });
}
