import { KlatchError } from "../../../errors.ts";
import { atPlace, BATCH_ROWS, type Row, type RowBatches } from "../rows/row.ts";
import { rowBatches } from "../rows/rows.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { ColumnMap } from "./columns.ts";
import { textHash, wordsOf } from "./duplicates.ts";
import { encodeExample } from "./encode.ts";
import type { Example, ExampleFormat } from "./example.ts";
import { type FirstRows, type Layout, layoutOfNext, settleLayout } from "./layout.ts";
import { RowNotes } from "./row-notes.ts";
import { RowTally } from "./row-tally.ts";
import { type RowText, rowText } from "./row-text.ts";
import { bringsSpace, NO_SEAMS, type Seams } from "./separator.ts";
import { type Packing, TextWindows } from "./windows.ts";

/** How rows become examples. */
export interface Reading {
  readonly columns: ColumnMap;
  readonly tokenizer: Tokenizer;
  readonly sequenceMax: number;
  readonly packing: Packing;
  /** See `joined`. */
  readonly separator: string;
}

export interface ReadExample {
  readonly example: Example;
  /** See `textHash`. */
  readonly hash: number;
}

const NO_TEMPLATE =
  "the tokenizer has no chat template: a conversation is written as plain prompt and completion, and only its last answer is learned";

const AS_CHAT =
  "some rows have turns, a system text or earlier turns: all are written as conversations";

/** Batches of some megabytes that are looked at together, at most. */
const HEAD_BATCHES = 4;

/** Reads the examples of one data set, file after file, holding no more than a batch of rows. */
export class ExampleReader {
  readonly #reading: Reading;
  readonly #windows: TextWindows;
  readonly #tally = new RowTally();
  readonly #notes = new RowNotes();
  #layout: Layout | null = null;
  /** Rows that gave no example. */
  skipped = 0;
  rows = 0;
  seams: Seams = NO_SEAMS;

  constructor(reading: Reading) {
    this.#reading = reading;
    const { tokenizer, sequenceMax, packing } = reading;
    this.#windows = new TextWindows(tokenizer, sequenceMax, packing);
  }

  /** How the examples read so far are laid out. */
  get format(): ExampleFormat {
    if (this.#layout === null) return "text";
    const { columns, asChat } = this.#layout;
    if (asChat) return this.#reading.tokenizer.chat ? "chat" : "prompt";
    return columns.form === "messages" ? "chat" : columns.form;
  }

  get notes(): readonly string[] {
    const { columns, asChat = false } = this.#layout ?? {};
    return [
      ...(asChat && columns?.form !== "messages" ? [AS_CHAT] : []),
      ...(asChat && !this.#reading.tokenizer.chat ? [NO_TEMPLATE] : []),
      ...this.#tally.notes,
      ...this.#notes.sentences(),
    ];
  }

  /**
   * The examples of a file, in batches. A conversation that the chat template refuses is left out and noted.
   *
   * @throws KlatchError `data` naming file and line for bad rows and missing columns, `usage` when columns or packing
   *   do not go together
   */
  async *read(file: string): AsyncGenerator<readonly ReadExample[], void> {
    let layout: Layout | null = null;
    for await (const rows of headFirst(rowBatches(file))) {
      const [first, ...rest] = rows;
      if (first === undefined) continue;
      layout ??= this.#settle([first, ...rest], file);
      const settled = layout;
      this.rows += rows.length;
      yield rows.flatMap((row) => this.#examplesOf(row, settled, file));
    }
  }

  /**
   * What is left when the last file has been read.
   *
   * @throws KlatchError `data` with what the chat template says when it refuses every row
   */
  finish(): readonly ReadExample[] {
    this.#notes.checkAnyRead();
    return this.#windows.finish().map(hashed);
  }

  #settle(rows: FirstRows, file: string): Layout {
    if (this.#layout !== null) return layoutOfNext(this.#layout, rows);
    const { columns, packing } = this.#reading;
    const settled = settleLayout(columns, rows, file);
    if (packing === "concatenate" && settled.columns.form !== "text") {
      throw new KlatchError(
        "usage",
        `packing "concatenate" is for plain text, and ${file} holds ${settled.columns.form} rows`,
        'choose packing "none"',
      );
    }
    this.#layout = settled;
    return settled;
  }

  #examplesOf(row: Row, layout: Layout, file: string): readonly ReadExample[] {
    const { packing } = this.#reading;
    const parts = rowText(row, layout, file, this.#tally);
    if (parts === null) return [];
    const place = `${file}:${row.line}`;
    if (parts.format === "text" && (row.document || packing === "concatenate")) {
      const { text } = parts;
      return atPlace(place, () => this.#windows.add(text, row.document ?? "ends")).map(hashed);
    }
    const example = this.#encoded(parts, place);
    if (example === "refused") return [];
    this.#tallyChat(parts);
    if (example) {
      this.#countSeam(parts);
      return [{ example, hash: textHash(wordsOf(parts)) }];
    }
    this.skipped += 1;
    return [];
  }

  /** Conversations are judged one by one: the others are learned when a template refuses one. */
  #encoded(parts: RowText, place: string): Example | null | "refused" {
    const { tokenizer, sequenceMax, separator } = this.#reading;
    const encode = () => encodeExample(tokenizer, parts, sequenceMax, separator);
    try {
      const example = atPlace(place, encode);
      if (example) this.#notes.read(example);
      return example;
    } catch (error) {
      if (parts.format !== "chat" || !this.#notes.refuse(error, place)) throw error;
      return "refused";
    }
  }

  #countSeam(parts: RowText): void {
    if (parts.format === "text" || parts.format === "alpaca") return;
    const isChat = parts.format === "chat";
    if (isChat && this.#reading.tokenizer.chat) return;
    const { separated, own } = this.seams;
    const isOwn = !isChat && bringsSpace(parts.prompt, parts.completion);
    this.seams = isOwn ? { separated, own: own + 1 } : { separated: separated + 1, own };
  }

  /** What is not learned of a conversation, and what has no use without a chat template. */
  #tallyChat(parts: RowText): void {
    if (parts.format !== "chat") return;
    const { messages, contextTurns = [], settings } = parts;
    const isLearned = messages.some(
      ({ role }, i) => role === "assistant" && !contextTurns.includes(i),
    );
    if (!isLearned) this.#tally.add("noAnswer");
    if (this.#reading.tokenizer.chat) return;
    if (settings) this.#tally.nameAside("chat_template_kwargs");
  }
}

/** The batches of a file, the first ones as one: large enough to tell how the file is laid out. */
async function* headFirst(batches: RowBatches): RowBatches {
  let head: readonly Row[] | null = [];
  let taken = 0;
  for await (const batch of batches) {
    if (head === null) yield batch;
    else {
      head = [...head, ...batch];
      taken += 1;
      if (head.length < BATCH_ROWS && taken < HEAD_BATCHES) continue;
      yield head;
      head = null;
    }
  }
  if (head !== null) yield head;
}

/** A window of a text has no row of its own: its ids stand for its words. */
function hashed(example: Example): ReadExample {
  return { example, hash: textHash(example.ids.join(" ")) };
}
