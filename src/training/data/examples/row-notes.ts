import { basename } from "node:path";
import { KlatchError } from "../../../errors.ts";
import type { Example } from "./example.ts";
import { HIDDEN_PARTS, type HiddenPart } from "./said-parts.ts";

/** What is said of rows where a part is not learned or not shown. */
const SENTENCES: Readonly<Record<HiddenPart, string>> = {
  answers: "the text does not show or mark some answers, which are not learned",
  words: "the text does not show some words of the assistant",
  thoughts: "the text does not show some thoughts of the assistant",
  calls: "the text does not show some calls of tools",
  others: "the text does not show some words of the system, the user or a tool",
  tools: "the text does not show the tools",
  parts: "the chat template does not read contents in parts, which were joined to texts",
};

/** Counts what the chat template refuses or leaves out, and names it without a word of a row. */
export class RowNotes {
  readonly #hidden = new Map<HiddenPart, number>();
  #read = 0;
  #refused = 0;
  #first: { readonly error: KlatchError; readonly place: string } | null = null;

  read({ hidden = [] }: Pick<Example, "hidden">): void {
    this.#read += 1;
    for (const part of hidden) this.#hidden.set(part, (this.#hidden.get(part) ?? 0) + 1);
  }

  /** Whether an error is about a row alone, which then is counted. */
  refuse(error: unknown, place: string): boolean {
    if (!(error instanceof KlatchError) || error.code !== "data") return false;
    this.#refused += 1;
    this.#first ??= { error, place };
    return true;
  }

  /** @throws KlatchError of the first row that was refused, when none was read */
  checkAnyRead(): void {
    if (this.#first && this.#read === 0) throw this.#first.error;
  }

  sentences(): readonly string[] {
    const hidden = HIDDEN_PARTS.flatMap((part) => {
      const rows = this.#hidden.get(part);
      return rows === undefined ? [] : [`in ${counted(rows)} ${SENTENCES[part]}`];
    });
    return this.#first ? [this.#refusal(this.#first), ...hidden] : hidden;
  }

  #refusal({ error, place }: { readonly error: KlatchError; readonly place: string }): string {
    const why = error.message.slice(`${place}: `.length);
    return `${counted(this.#refused)} left out, the first of them ${basename(place)}: ${why}`;
  }
}

// --- internal ---

function counted(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}
