import { stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import { fileError, readExactly, withFile } from "../../files/file-access.ts";
import type { ColumnMap } from "../examples/columns.ts";
import { labelOf, type RowLabel } from "../examples/labels.ts";
import type { RowTally } from "../examples/row-tally.ts";
import {
  describeOthers,
  expandFolders,
  isOtherData,
  noSplitFor,
  visibleFiles,
} from "../rows/folders.ts";
import { badRow, type Row } from "../rows/row.ts";
import { isTable, rowBatches } from "../rows/rows.ts";
import { chooseSplit, describeChosen, splitOfImage, type Use } from "../rows/splits.ts";
import { IMAGE_BYTES_MAX } from "./decode.ts";

/** An image file, not yet decoded, and the name of its class. */
export interface ImageRow {
  /** Where it is, for an error message. */
  readonly place: string;
  /** Null when it has none. */
  readonly label: RowLabel | null;
  /** Null when there is none. */
  bytes(): Promise<Uint8Array | null>;
}

const ENDINGS: readonly string[] = [".png", ".jpg", ".jpeg", ".webp"];
/** Images that are not read. */
const OTHER_ENDINGS: readonly string[] =
  ".gif .bmp .tif .tiff .heic .heif .avif .jp2 .jxl .svg .ppm".split(" ");
const FILES_MAX = 2_000_000;
/** Images that are decoded at once. */
const BATCH = 16;

/** A cell of Hugging Face's image columns: the bytes themselves, in base64 where JSON holds them. */
const cellSchema = z
  .union([z.instanceof(Uint8Array), z.base64().transform((text) => Buffer.from(text, "base64"))])
  .nullish();
const imageSchema = z.union([
  cellSchema,
  z.object({ bytes: cellSchema }).transform(({ bytes }) => bytes),
]);

/**
 * Images with their classes, in small batches. Those of a folder come in the order of their paths, and the folder
 * that holds an image names its class. Those of a table, or of a folder of tables, lie in columns `image` and
 * `label`.
 *
 * @throws KlatchError `data` for a folder with neither, an image that lies in no folder of a class, a row whose
 *   image is no bytes, and as `rowBatches`
 */
export async function* imageBatches(
  paths: readonly string[],
  columns: ColumnMap,
  { use, tally }: { readonly use: Use; readonly tally: RowTally },
): AsyncGenerator<readonly ImageRow[], void> {
  for (const path of paths) {
    const { images, others } = await imagesIn(path);
    if (images.length > 0) {
      const chosen = chooseSplit(images, splitOfImage, use);
      if (chosen.files.length === 0) throw noSplitFor(use, path, chosen.others);
      tally.say(describeChosen(chosen, path));
      tally.say(describeOthers(path, others));
      yield* inBatches(chosen.files.map((name) => fileRow(path, name)));
    } else {
      const { files, notes } = await expandFolders([path], use);
      for (const note of notes) tally.say(note);
      for (const table of files) yield* tableRows(table, columns, tally);
    }
  }
}

// --- internal ---

interface FolderOfImages {
  /** Paths from the folder. */
  readonly images: readonly string[];
  /** Images of other formats, tables and the like. */
  readonly others: readonly string[];
}

/** The images under a folder; none for a file. */
async function imagesIn(path: string): Promise<FolderOfImages> {
  try {
    if (!(await stat(path)).isDirectory()) return { images: [], others: [] };
    const files = await visibleFiles(path);
    const isOf = (endings: readonly string[], name: string) =>
      endings.includes(extname(name).toLowerCase());
    const images = files.filter((name) => isOf(ENDINGS, name));
    const others = files.filter(
      (name) => isOf(OTHER_ENDINGS, name) || isTable(name) || isOtherData(name),
    );
    if (images.length <= FILES_MAX) return { images, others };
    const what = `the folder ${path} holds ${images.length} images`;
    throw new KlatchError("data", what, `give a folder with at most ${FILES_MAX}`);
  } catch (error) {
    throw fileError(error, path);
  }
}

function* inBatches(rows: readonly ImageRow[]): Generator<readonly ImageRow[], void> {
  for (let at = 0; at < rows.length; at += BATCH) yield rows.slice(at, at + BATCH);
}

function fileRow(folder: string, name: string): ImageRow {
  const place = join(folder, name);
  const label = basename(join(name, ".."));
  if (label === ".") {
    throw new KlatchError(
      "data",
      `${place} lies in no folder of a class`,
      `put each image into a folder named by its class, e.g. ${join(folder, "cat", name)}`,
    );
  }
  return { place, label, bytes: () => fileBytes(place) };
}

async function fileBytes(file: string): Promise<Uint8Array> {
  return await withFile(file, async (handle, size) => {
    // One byte more than is decoded tells that it is too large.
    const bytes = new Uint8Array(Math.min(size, IMAGE_BYTES_MAX + 1));
    await readExactly(handle, bytes, 0, file);
    return bytes;
  });
}

async function* tableRows(
  file: string,
  { image = "image", label = "label" }: ColumnMap,
  tally: RowTally,
): AsyncGenerator<readonly ImageRow[], void> {
  const used = new Set([image, label]);
  for await (const rows of rowBatches(file)) {
    for (const row of rows) tally.leaveAside(row, used);
    yield* inBatches(
      rows.map((row) => ({
        place: `${file}:${row.line}`,
        label: labelOf(row, label, file),
        bytes: async () => cellBytes(row, image, file),
      })),
    );
  }
}

function cellBytes(row: Row, column: string, file: string): Uint8Array | null {
  const found = imageSchema.safeParse(row.fields[column]);
  if (found.success && Object.hasOwn(row.fields, column)) return found.data ?? null;
  throw badRow(file, row.line, `column ${column} holds no image: neither bytes nor base64 text`);
}
