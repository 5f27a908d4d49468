import { KlatchError } from "../../../errors.ts";
import { WRAPPERS } from "../rows/json-rows.ts";
import { HEADER_HINT, type Row } from "../rows/row.ts";
import { hasHeader } from "../rows/rows.ts";

/** Names of the columns that hold an example's parts, e.g. `{ prompt: "question" }`. */
export interface ColumnMap {
  readonly text?: string;
  readonly prompt?: string;
  readonly completion?: string;
  readonly messages?: string;
  /** The class of a text: what a classifier learns, and a language model answers. */
  readonly label?: string;
  readonly instruction?: string;
  readonly input?: string;
  readonly output?: string;
  /** The image that a model of images tells the class of. */
  readonly image?: string;
}

/** Which columns hold an example's parts, with every name settled. */
export type Columns =
  | { readonly form: "text"; readonly text: string }
  | { readonly form: "prompt"; readonly prompt: string; readonly completion: string }
  | { readonly form: "messages"; readonly messages: string }
  | {
      readonly form: "alpaca";
      readonly instruction: string;
      readonly input: string;
      readonly output: string;
    };

/** The names of the columns that a layout takes its texts from. */
export function columnsOf({ form, ...columns }: Columns): readonly string[] {
  return Object.values(columns);
}

const COLUMNS_HINT =
  "name them, e.g. --columns prompt=question,completion=answer or text=question,label=topic";

const WRAPPER_HINT = `a list of rows within an object has to be called ${WRAPPERS.join(" or ")}`;

/** What to do about columns that are not there. */
export function columnsHint(file: string): string {
  if (hasHeader(file)) return `${COLUMNS_HINT}; ${HEADER_HINT}`;
  return file.toLowerCase().endsWith(".json") ? `${COLUMNS_HINT}; ${WRAPPER_HINT}` : COLUMNS_HINT;
}

/** Names as programs give them, with a short number at most: an object's keys may be numbers of people. */
const NAME = /^[A-Za-z_]{1,40}\d{0,2}$/;
const NAMES_MAX = 20;

/** The layout that each column belongs to; `text` with `label` is answered with the label. */
const FORM_OF: Readonly<Record<keyof ColumnMap, string>> = {
  text: "text (with label)",
  label: "text (with label)",
  prompt: "prompt with completion",
  completion: "prompt with completion",
  messages: "messages",
  instruction: "instruction with output",
  input: "instruction with output",
  output: "instruction with output",
  image: "image",
};

function named(columns: ColumnMap): Columns | null {
  if (columns.image !== undefined) {
    throw new KlatchError(
      "usage",
      "a column of images is named, and the model reads texts",
      COLUMNS_HINT,
    );
  }
  const keys = Object.keys(columns).filter((key) => columns[key as keyof ColumnMap] !== undefined);
  const forms = [...new Set(keys.map((key) => FORM_OF[key as keyof ColumnMap]))];
  if (forms.length > 1) {
    throw new KlatchError(
      "usage",
      `columns are given for more than one layout: ${forms.join(", and ")}`,
      COLUMNS_HINT,
    );
  }
  const { text, label, prompt, completion, messages } = columns;
  if (label !== undefined) return { form: "prompt", prompt: text ?? "text", completion: label };
  if (text !== undefined) return { form: "text", text };
  if (messages !== undefined) return { form: "messages", messages };
  if (prompt !== undefined || completion !== undefined) {
    return { form: "prompt", prompt: prompt ?? "prompt", completion: completion ?? "completion" };
  }
  return keys.length === 0 ? null : alpaca(columns);
}

function alpaca({ instruction, input, output }: ColumnMap): Columns {
  return {
    form: "alpaca",
    instruction: instruction ?? "instruction",
    input: input ?? "input",
    output: output ?? "output",
  };
}

/**
 * Settles which columns to read: those that are named, else the usual names that the first row has: prompt with
 * completion, messages (or conversations), instruction with output, text with label, text.
 *
 * @throws KlatchError `usage` when the names contradict each other, `data` when the usual names are absent
 */
export function settleColumns(columns: ColumnMap, first: Row, file: string): Columns {
  const explicit = named(columns);
  if (explicit) return explicit;
  const has = (...names: readonly string[]) =>
    names.every((name) => Object.hasOwn(first.fields, name));
  if (has("prompt", "completion")) {
    return { form: "prompt", prompt: "prompt", completion: "completion" };
  }
  if (has("messages")) return { form: "messages", messages: "messages" };
  if (has("conversations")) return { form: "messages", messages: "conversations" };
  if (has("conversation")) return { form: "messages", messages: "conversation" };
  if (has("instruction", "output")) return alpaca({});
  // Databricks' Dolly.
  if (has("instruction", "response")) return alpaca({ input: "context", output: "response" });
  if (has("text", "label")) return { form: "prompt", prompt: "text", completion: "label" };
  if (has("text")) return { form: "text", text: "text" };
  throw new KlatchError(
    "data",
    `${file}:${first.line}: no columns prompt and completion, messages, instruction and output, or text; ${present(first, file)}`,
    has("chosen") ? chosenHint(has("prompt")) : columnsHint(file),
  );
}

/** What to do about pairs of answers to choose from. */
function chosenHint(hasPrompt: boolean): string {
  const columns = hasPrompt ? "prompt=prompt,completion=chosen" : "messages=chosen";
  return `to learn the chosen answers, and leave the others aside: --columns ${columns}`;
}

/** What columns a row has, for an error message: by name only where that is the name of a column and no value. */
export function present(row: Row, file: string): string {
  const all = Object.keys(row.fields);
  if (hasHeader(file)) return `the first line names ${all.length} columns`;
  const named = all.filter((name) => NAME.test(name)).slice(0, NAMES_MAX);
  const more = all.length - named.length;
  if (named.length === 0) return `the row has ${more === 0 ? "none" : `${more} columns`}`;
  return `the row has ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
