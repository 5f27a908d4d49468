import { join } from "node:path";
import { expect, it } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { loadDataset } from "../../../../src/training/data/dataset/dataset.ts";
import { readLabelledDataset } from "../../../../src/training/data/dataset/labelled.ts";
import { readLabelledImages } from "../../../../src/training/data/dataset/labelled-images.ts";
import { loadImageProcessor } from "../../../../src/training/data/images/processor.ts";
import { readRows } from "../../../../src/training/data/rows/rows.ts";
import { inFolder, TINY_TOKENIZER } from "../files/tiny-model.ts";
import { type Content, tinyTokenizer, writeFiles } from "./data-files.ts";

/** What stands in rows that nobody else may see. */
export const SECRET = "PATIENT-7319 Müller HIV+";

/** Every four characters of it that no sentence of Klatch has: a parser may quote a few only. */
const PIECES = Array.from({ length: SECRET.length - 3 }, (_, i) => SECRET.slice(i, i + 4))
  .filter((piece) => /[A-Z\dü]/.test(piece))
  .concat("HIV");

/** Pieces of SECRET that can be read of a value, but for `folder` in it. */
export function leaks(value: unknown, folder = ""): readonly string[] {
  const text = textOf(value).replaceAll(folder || "\u0000", "");
  return PIECES.filter((piece) => text.includes(piece));
}

/** How a file is opened; "strict" with a tokenizer that has no token for what it does not know. */
export type Opening =
  | "rows"
  | "texts"
  | "packed"
  | "strict"
  | "labelled"
  | "images"
  | { readonly chat: string };

const plain = await tinyTokenizer();
const strict = await tinyTokenizer({
  tokenizer: { ...TINY_TOKENIZER, model: { ...TINY_TOKENIZER.model, unk_token: "<gone>" } },
});

/** The error that a file, or the folder that `name` begins with, fails with, and what of SECRET can be read of it. */
export async function failure(how: Opening, name: string, content: Content) {
  return await inFolder(async (folder) => {
    await writeFiles(folder, { [name]: content });
    const error = await open(how, join(folder, name.split("/")[0] ?? "")).then(
      () => null,
      (reason: unknown) => reason,
    );
    return { error, leaked: leaks(error, folder) };
  });
}

export type Case = readonly [what: string, name: string, content: Content, says: RegExp];

/** Tests that each file has one error, the expected one, without a piece of SECRET. */
export function refuses(how: Opening, cases: readonly Case[]): void {
  it.each(cases)("%s", async (_, name, content, says) => {
    const { error, leaked } = await failure(how, name, content);
    expect(error).toBeInstanceOf(KlatchError);
    const { message, hint } = error as KlatchError;
    expect(leaked).toEqual([]);
    expect(message).toMatch(says);
    expect(message).not.toContain("\n");
    expect(hint).not.toBe("");
  });
}

// --- internal ---

/** All that can be read of an error, its causes and what hangs on them, where a logger may print it. */
function textOf(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (seen.has(value)) return "";
  seen.add(value);
  const fields = Reflect.ownKeys(value).map(
    (name) => `${String(name)}=${textOf(Reflect.get(value, name), seen)}`,
  );
  const bytes = value instanceof Uint8Array ? [Buffer.from(value).toString()] : [];
  return [...fields, ...bytes].join("\n");
}

async function open(how: Opening, file: string): Promise<unknown> {
  const classes = ["a", "b"];
  switch (how) {
    case "rows":
      return await readRows(file);
    case "texts":
      return await loadDataset([file], {}, plain, 16);
    case "packed":
      return await loadDataset([file], {}, plain, 16, { packing: "concatenate" });
    case "strict":
      return await loadDataset([file], {}, strict, 16);
    case "labelled":
      return await readLabelledDataset([file], {}, plain, 16, { classes });
    case "images": {
      const processor = await loadImageProcessor(join(file, ".."), { size: 4, patch: 2 });
      return await readLabelledImages([file], {}, processor, { classes });
    }
    default: {
      const files = { "chat_template.jinja": how.chat };
      return await loadDataset([file], {}, await tinyTokenizer({}, files), 64);
    }
  }
}
