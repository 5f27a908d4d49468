import { TemplateSyntaxError } from "../refusal.ts";

/** A token of Jinja; operators have their own text for a type. */
export interface Token {
  readonly type: string;
  /** Of a string its characters, of a number its digits. */
  readonly value: string;
  readonly line: number;
}

/** What Python counts as white space: of `str.isspace` and of `\s` in its regular expressions. */
export const SPACE =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const OPEN = new RegExp(
  `\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})|\\{[%{#]`,
  "g",
);
const END_OF_RAW = new RegExp(
  `\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`,
  "g",
);
const END_OF_COMMENT = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "g");
/** With trim_blocks, the line's end goes with a statement's end. */
const END = {
  block: new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, "y"),
  variable: new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, "y"),
};
const SPACES = new RegExp(`[${SPACE}]+`, "y");
const TRAILING_SPACES = new RegExp(`[${SPACE}]+$`);
const ONLY_SPACES = new RegExp(`^[${SPACE}]+$`);

const DIGITS = "(?:\\d+_)*\\d+";
/** In the order in which they are tried. */
const IN_TAGS: readonly (readonly [type: string, pattern: RegExp])[] = [
  [
    "float",
    new RegExp(`(?<!\\.)${DIGITS}(?:(?:\\.${DIGITS})?[eE][+-]?${DIGITS}|\\.${DIGITS})`, "y"),
  ],
  ["integer", /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy],
  ["name", /[\p{ID_Continue}]+/uy],
  ["string", /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/y],
  ["operator", /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}<>=.:|,;]/y],
];
const CLOSES: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b", f: "\f", v: "\v" },
  ...{ "\\": "\\", "'": "'", '"': '"', "\n": "" },
};
const ESCAPE = /\\(?:([0-7]{1,3})|x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|([\s\S]))/gi;

/**
 * The tokens of a template, white space of tags removed as with `trim_blocks` and `lstrip_blocks` of Python's Jinja,
 * the settings of Hugging Face transformers.
 *
 * @throws TemplateSyntaxError
 */
export function tokenize(template: string): readonly Token[] {
  return new Lexer(template.replace(/\r\n?/g, "\n").replace(/\n$/, "")).tokens();
}

// --- internal ---

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  /** Whether what was read last ended a line. */
  #startsLine = true;

  constructor(source: string) {
    this.#source = source;
  }

  tokens(): readonly Token[] {
    while (this.#at < this.#source.length) this.#text();
    this.#push("eof", "");
    return this.#tokens;
  }

  #text(): void {
    OPEN.lastIndex = this.#at;
    const found = OPEN.exec(this.#source);
    const text = this.#source.slice(this.#at, found?.index);
    if (!found) {
      this.#data(text);
      this.#advance(text);
      return;
    }
    const [tag] = found;
    const isRaw = tag.length > 2;
    const sign = this.#source[found.index + 2] ?? "";
    this.#data(this.#strip(text, sign, tag.startsWith("{{")));
    this.#advance(text + tag);
    if (isRaw) {
      this.#raw();
      return;
    }
    if (/[-+]/.test(sign)) this.#advance(sign);
    if (tag === "{#") this.#comment();
    else this.#tag(tag === "{{" ? "variable" : "block");
  }

  /** Text before a tag: `-` takes all white space, and with lstrip_blocks a statement takes that of its line. */
  #strip(text: string, sign: string, isVariable: boolean): string {
    if (sign === "-") return text.replace(TRAILING_SPACES, "");
    const line = text.lastIndexOf("\n") + 1;
    const mayStrip = sign !== "+" && !isVariable && (line > 0 || this.#startsLine);
    return mayStrip && ONLY_SPACES.test(text.slice(line)) ? text.slice(0, line) : text;
  }

  #raw(): void {
    END_OF_RAW.lastIndex = this.#at;
    const end = END_OF_RAW.exec(this.#source);
    if (!end) throw this.#wrong("{% raw %} has no end");
    const text = this.#source.slice(this.#at, end.index);
    this.#data(this.#strip(text, end[1] ?? "", false));
    this.#advance(text + end[0]);
  }

  #comment(): void {
    END_OF_COMMENT.lastIndex = this.#at;
    const end = END_OF_COMMENT.exec(this.#source);
    if (!end) throw this.#wrong("a comment has no end");
    this.#advance(this.#source.slice(this.#at, end.index) + end[0]);
  }

  #tag(kind: keyof typeof END): void {
    this.#push(`${kind}_begin`, "");
    const open: string[] = [];
    for (;;) {
      const end = open.length === 0 ? this.#match(END[kind]) : null;
      if (end !== null) {
        this.#push(`${kind}_end`, "");
        this.#advance(end);
        return;
      }
      if (this.#at >= this.#source.length) throw this.#wrong("a tag has no end");
      const spaces = this.#match(SPACES);
      if (spaces !== null) this.#advance(spaces);
      else this.#inTag(open);
    }
  }

  #inTag(open: string[]): void {
    for (const [type, pattern] of IN_TAGS) {
      const text = this.#match(pattern);
      if (text === null) continue;
      if (type === "operator") {
        this.#balance(text, open);
        this.#push(text, text);
      } else if (type === "string") this.#push(type, this.#unescaped(text.slice(1, -1)));
      else if (type === "name") this.#name(text);
      else this.#push(type, text.replaceAll("_", ""));
      this.#advance(text);
      return;
    }
    throw this.#wrong("a character that Jinja does not have there");
  }

  #name(text: string): void {
    if (!/^[\p{ID_Start}_]/u.test(text)) throw this.#wrong("a name begins with a digit");
    this.#push("name", text);
  }

  #balance(operator: string, open: string[]): void {
    const close = CLOSES[operator];
    if (close !== undefined) open.push(close);
    else if (/[})\]]/.test(operator) && open.pop() !== operator) {
      throw this.#wrong(`unexpected "${operator}"`);
    }
  }

  /** Python's escapes; one that it does not know stays as it is. */
  #unescaped(text: string): string {
    return text.replace(ESCAPE, (whole, octal, two, four, eight, other) => {
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const digits = two ?? four ?? eight;
      if (digits === undefined) {
        if (/[xuUN]/.test(other)) throw this.#wrong(`an escape \\${other} that is not whole`);
        return ESCAPES[other] ?? whole;
      }
      const code = Number.parseInt(digits, 16);
      const isHalf = code >= 0xd800 && code <= 0xdfff;
      if (isHalf || code > 0x10ffff) throw this.#wrong("an escape that is no character");
      return String.fromCodePoint(code);
    });
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0] ?? null;
  }

  #data(value: string): void {
    if (value !== "") this.#push("data", value);
  }

  #push(type: string, value: string): void {
    this.#tokens.push({ type, value, line: this.#line });
  }

  #advance(text: string): void {
    this.#at += text.length;
    for (const character of text) if (character === "\n") this.#line += 1;
    if (text !== "") this.#startsLine = text.endsWith("\n");
  }

  #wrong(what: string): TemplateSyntaxError {
    return new TemplateSyntaxError(`line ${this.#line}: ${what}`);
  }
}
