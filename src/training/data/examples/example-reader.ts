import { KlatchError } from "../../../errors.ts";
import { atPlace, type Row } from "../rows/row.ts";
import { rowBatches } from "../rows/rows.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type ColumnMap, type Columns, settleColumns } from "./columns.ts";
import { textHash, wordsOf } from "./duplicates.ts";
import { encodeExample } from "./encode.ts";
import type { Example, ExampleFormat } from "./example.ts";
import { rowText } from "./row-text.ts";
import { type Packing, TextWindows } from "./windows.ts";

/** How rows become examples. */
export interface Reading {
  readonly columns: ColumnMap;
  readonly tokenizer: Tokenizer;
  readonly sequenceMax: number;
  readonly packing: Packing;
}

export interface ReadExample {
  readonly example: Example;
  /** See `textHash`. */
  readonly hash: number;
}

const NO_TEMPLATE =
  "the tokenizer has no chat template: a conversation is written as plain prompt and completion, and only its last answer is learned";

/** Reads the examples of one data set, file after file, holding no more than a batch of rows. */
export class ExampleReader {
  readonly #reading: Reading;
  readonly #windows: TextWindows;
  #columns: Columns | null = null;
  /** Rows that gave no example. */
  skipped = 0;
  rows = 0;

  constructor(reading: Reading) {
    this.#reading = reading;
    const { tokenizer, sequenceMax, packing } = reading;
    this.#windows = new TextWindows(tokenizer, sequenceMax, packing);
  }

  /** How the examples read so far are laid out. */
  get format(): ExampleFormat {
    const form = this.#columns?.form ?? "text";
    if (form !== "messages") return form;
    return this.#reading.tokenizer.chat ? "chat" : "prompt";
  }

  get notes(): readonly string[] {
    const isPlain = this.#columns?.form === "messages" && !this.#reading.tokenizer.chat;
    return isPlain ? [NO_TEMPLATE] : [];
  }

  /**
   * The examples of a file, in batches.
   *
   * @throws KlatchError `data` naming file and line for bad rows, missing columns and conversations that the chat
   *   template refuses, `usage` when columns or packing do not go together
   */
  async *read(file: string): AsyncGenerator<readonly ReadExample[], void> {
    for await (const rows of rowBatches(file)) {
      const first = rows[0];
      if (first === undefined) continue;
      this.#columns ??= this.#settle(first, file);
      this.rows += rows.length;
      const columns = this.#columns;
      yield rows.flatMap((row) => this.#examplesOf(row, columns, file));
    }
  }

  /** What is left when the last file has been read. */
  finish(): readonly ReadExample[] {
    return this.#windows.finish().map(hashed);
  }

  #settle(first: Row, file: string): Columns {
    const { columns, packing } = this.#reading;
    const settled = settleColumns(columns, first, file);
    if (packing === "concatenate" && settled.form !== "text") {
      throw new KlatchError(
        "usage",
        `packing "concatenate" is for plain text, and ${file} holds ${settled.form} rows`,
        'choose packing "none"',
      );
    }
    return settled;
  }

  #examplesOf(row: Row, columns: Columns, file: string): readonly ReadExample[] {
    const { tokenizer, sequenceMax, packing } = this.#reading;
    const parts = rowText(row, columns, file);
    const place = `${file}:${row.line}`;
    if (parts.format === "text" && (row.document || packing === "concatenate")) {
      const { text } = parts;
      return atPlace(place, () => this.#windows.add(text, row.document ?? "ends")).map(hashed);
    }
    const example = atPlace(place, () => encodeExample(tokenizer, parts, sequenceMax));
    if (example) return [{ example, hash: textHash(wordsOf(parts)) }];
    this.skipped += 1;
    return [];
  }
}

/** A window of a text has no row of its own: its ids stand for its words. */
function hashed(example: Example): ReadExample {
  return { example, hash: textHash(example.ids.join(" ")) };
}
