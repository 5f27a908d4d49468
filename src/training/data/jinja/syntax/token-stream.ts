import { TemplateSyntaxError } from "../refusal.ts";
import type { Token } from "./tokens.ts";

const EOF: Token = { type: "eof", value: "", line: 0 };

/** The tokens of a template, read one after the other. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokens[this.#at] ?? this.#tokens.at(-1) ?? EOF;
  }

  /** Whether the next token is of this type, or this name. */
  is(type: string, name?: string): boolean {
    return this.current.type === type && (name === undefined || this.current.value === name);
  }

  isName(...names: readonly string[]): boolean {
    return this.current.type === "name" && names.includes(this.current.value);
  }

  /** Whether the token after the next is of this type, or this name. */
  comes(type: string, name?: string): boolean {
    const after = this.#tokens[this.#at + 1];
    return after?.type === type && (name === undefined || after.value === name);
  }

  next(): Token {
    const token = this.current;
    this.#at += 1;
    return token;
  }

  skip(type: string, name?: string): boolean {
    const found = this.is(type, name);
    if (found) this.#at += 1;
    return found;
  }

  expect(type: string, name?: string): Token {
    if (!this.is(type, name)) throw this.unexpected(name ?? type.replace("_", " "));
    return this.next();
  }

  unexpected(wanted?: string): TemplateSyntaxError {
    const { type, value, line } = this.current;
    const found = type === "eof" ? "the end" : `"${value || type.replace("_", " ")}"`;
    const instead = wanted === undefined ? "" : ` where ${wanted} is expected`;
    return new TemplateSyntaxError(`line ${line}: unexpected ${found}${instead}`);
  }
}
