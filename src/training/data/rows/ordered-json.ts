import { JsonNumber } from "./json-number.ts";
import { JsonObject } from "./json-object.ts";

/** Names that JavaScript puts before others, by size. */
const NUMBER_NAME = /^(?:0|[1-9]\d*)$/;
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|[-\d.eE+]+|true|false|null|[{}[\]:,])/y;

/** Whether a text may have an object whose names JavaScript would put into another order. */
export const MAY_BE_REORDERED = /"(?:0|[1-9]\d*)"\s*:/;

/** A number as it is written, where JavaScript would take it for another or print it otherwise. */
export function writtenNumber(text: string): number | JsonNumber {
  const value = Number(text);
  const isWholeFloat = /[.eE]/.test(text) && Number.isInteger(value);
  return String(value) === text && !isWholeFloat ? value : new JsonNumber(text);
}

/** Parses JSON that is known to be valid, with every object in its own order. */
export function parseInOrder(text: string): unknown {
  return new Parser(text).value();
}

// --- internal ---

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(token = this.#next()): unknown {
    if (token === "{") return this.#object();
    if (token === "[") return this.#array();
    return /^[-\d]/.test(token) ? writtenNumber(token) : JSON.parse(token);
  }

  #next(): string {
    TOKEN.lastIndex = this.#at;
    const [whole = "", token = "null"] = TOKEN.exec(this.#text) ?? [];
    this.#at += whole.length;
    return token;
  }

  #array(): readonly unknown[] {
    const items: unknown[] = [];
    let token = this.#next();
    while (token !== "]") {
      items.push(this.value(token));
      token = this.#next();
      if (token === ",") token = this.#next();
    }
    return items;
  }

  #object(): unknown {
    const entries = new Map<string, unknown>();
    let token = this.#next();
    while (token !== "}") {
      this.#next();
      entries.set(JSON.parse(token), this.value());
      token = this.#next();
      if (token === ",") token = this.#next();
    }
    const isReordered = [...entries.keys()].some((name) => NUMBER_NAME.test(name));
    return isReordered ? new JsonObject(entries) : Object.fromEntries(entries);
  }
}
