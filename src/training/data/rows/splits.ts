import { basename, dirname, extname, join } from "node:path";

/** The parts of a data set that its makers keep apart. */
export type Split = "train" | "validation" | "test";
/** What files are read for. */
export type Use = "train" | "test";

/** How the files and folders of a split are called; the words of Hugging Face's `datasets`. */
const WORDS: ReadonlyMap<string, Split> = new Map([
  ...(["train", "training"] as const).map((word) => [word, "train"] as const),
  ...(["validation", "valid", "val", "dev"] as const).map((word) => [word, "validation"] as const),
  ...(["test", "testing", "eval", "evaluation"] as const).map((word) => [word, "test"] as const),
]);

/** What is taken first, by what it is for; null are files of no split. */
const ORDER: Readonly<Record<Use, readonly (Split | null)[]>> = {
  train: ["train", null],
  test: ["test", "validation", null, "train"],
};

/** The split of a table by its path: by a word of the file's name, else of the nearest folder with one. */
export function splitOfTable(path: string): Split | null {
  const parts = [basename(path, extname(path)), ...folders(path)];
  return first(parts.map((part) => lastWord(part)));
}

/** The split of a document: its name alone tells nothing where texts are called by what they are about. */
export function splitOfDocument(path: string): Split | null {
  const stem = basename(path, extname(path)).toLowerCase();
  const shard = /^(train|validation|valid|val|dev|test)(-\d+-of-\d+)?$/.exec(stem);
  return first([WORDS.get(shard?.[1] ?? ""), ...wholeNames(folders(path))]);
}

/** The split of an image, whose own folder is its class. */
export function splitOfImage(path: string): Split | null {
  return first(wholeNames(folders(dirname(path))));
}

/** Files of one split, and how many there are of the others. */
export interface Chosen {
  /** Null when the files are of no split, or of none that is for this use. */
  readonly split: Split | null;
  readonly files: readonly string[];
  readonly others: readonly { readonly split: Split | null; readonly count: number }[];
}

/** Chooses the files for a use; none where all are of splits for another. */
export function chooseSplit(
  files: readonly string[],
  splitOf: (path: string) => Split | null,
  use: Use,
): Chosen {
  const groups = Map.groupBy(files, splitOf);
  const order = ORDER[use];
  const split = order.find((each) => groups.has(each)) ?? null;
  const others = [...groups].flatMap(([each, { length }]) =>
    each === split ? [] : [{ split: each, count: length }],
  );
  return { split, files: groups.get(split) ?? [], others };
}

/** What is said of a folder with splits; null for one without. */
export function describeChosen({ split, files, others }: Chosen, folder: string): string | null {
  if (others.length === 0) return null;
  const count = (name: Split | null, n: number) =>
    `${n} ${n === 1 ? "file" : "files"} of ${name ?? "no split"}`;
  const left = others.map((each) => count(each.split, each.count)).join(", ");
  return `${folder}: ${count(split, files.length)} read; left aside: ${left}`;
}

/** Whether a file is what Hugging Face's `datasets` writes about those beside it, all of the folder. */
export function isDescription(name: string, all: readonly string[]): boolean {
  const own = basename(name);
  if (["dataset_info.json", "dataset_infos.json", "dataset_dict.json"].includes(own)) return true;
  return own === "state.json" && all.includes(join(dirname(name), "dataset_info.json"));
}

// --- internal ---

const folders = (path: string) =>
  dirname(path)
    .split(/[/\\]/)
    .filter((name) => name !== ".")
    .reverse();

const wholeNames = (names: readonly string[]) => names.map((name) => WORDS.get(name.toLowerCase()));

function lastWord(name: string): Split | undefined {
  const words = name.toLowerCase().split(/[^\p{L}]+/u);
  return WORDS.get(words.findLast((word) => WORDS.has(word)) ?? "");
}

function first(splits: readonly (Split | undefined)[]): Split | null {
  return splits.find((split) => split !== undefined) ?? null;
}
