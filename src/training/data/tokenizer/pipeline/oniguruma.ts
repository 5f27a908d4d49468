/*
 * Expressions of Oniguruma (Ruby's dialect), brought to what the library's translator to JavaScript does rightly:
 * atomic groups and possessive quantifiers, which it takes for ordinary ones, and groups that ignore case, in which it
 * knows the 26 letters alone.
 */

const TOKEN =
  /\\[pP]\{[^}]*\}|\\x\{[^}]*\}|\\x[0-9A-Fa-f]{1,2}|\\u[0-9A-Fa-f]{4}|\\k<\w+>|\\[\s\S]|\(\?(?:<[=!]|<\w+>|i:|[:=!>])|[\s\S]/uy;
/** What may stand in a group that ignores case: no class, no character whose other case is not known here. */
const FOLDED = /^(?:[\0-\x7f\u2019]|\\[sS])$/;
/** Two letters that some single character is equal to when case is ignored, such as the sharp s. */
const LIGATURES = new Set(["ss", "ff", "fi", "fl", "st"]);
/** Letters that are equal to a letter outside of ASCII: the long s, the sign of Kelvin. */
const MORE_CASES: Readonly<Record<string, string>> = { s: "\\u017f", k: "\\u212a" };
const REFUSED = new Set(["\\G", "\\p{Extended_Pictographic}", "\\P{Extended_Pictographic}"]);

interface Group {
  readonly start: number;
  readonly isAtomic: boolean;
  readonly foldsCase: boolean;
}

function refuse(construct: string): Error {
  return new Error(`${construct} in a regular expression has no equal in JavaScript`);
}

/** Where the class that opens at `start` ends; classes may lie in one another. */
function endOfClass(source: string, start: number): number {
  let depth = 0;
  for (let i = start; i < source.length; i++) {
    const isFirst = i === start + 1 || (i === start + 2 && source[start + 1] === "^");
    if (source[i] === "\\") i++;
    else if (source[i] === "[") depth++;
    else if (source[i] === "]" && !(isFirst && depth === 1) && --depth === 0) return i + 1;
  }
  throw refuse("an unfinished class");
}

/** A class of ASCII characters with the other cases of its letters. */
function foldClass(text: string): string {
  if (!/^\[[\w' -]+\]$/.test(text)) throw refuse(`(?i:${text})`);
  const members = new RegExp(text, "i");
  const letters = [..."abcdefghijklmnopqrstuvwxyz"].filter((letter) => members.test(letter));
  return `${text.slice(0, -1)}${letters.map(bothCases).join("")}]`;
}

const bothCases = (letter: string) => letter + letter.toUpperCase() + (MORE_CASES[letter] ?? "");

/** Rewrites one expression from left to right, and remembers where the last thing that can be repeated begins. */
class Rewriter {
  readonly #source: string;
  readonly #groups: Group[] = [];
  #out = "";
  #last = -1;
  #letter = "";
  #atoms = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): string {
    for (let i = 0; i < this.#source.length; ) i += this.#step(i);
    if (this.#atoms > 0 && /\\[1-9]/.test(this.#source)) throw refuse("\\1 beside an atomic group");
    return this.#out;
  }

  get #foldsCase(): boolean {
    return this.#groups.at(-1)?.foldsCase ?? false;
  }

  /** Takes one token; returns its length. */
  #step(at: number): number {
    if (this.#source[at] === "[") return this.#class(at);
    TOKEN.lastIndex = at;
    const [token = ""] = TOKEN.exec(this.#source) ?? [];
    if (token.startsWith("(")) return this.#open(token, at);
    if (token === ")") this.#close();
    else if (token === "|") this.#plain(token);
    else if (/^[*+?]$/.test(token) && this.#last >= 0) return this.#repeat(token, at);
    else if (token === "{") return this.#interval(at);
    else this.#atom(token);
    return token.length;
  }

  #plain(text: string): void {
    this.#out += text;
    this.#last = -1;
    this.#letter = "";
  }

  #open(token: string, at: number): number {
    if (token === "(" && this.#source[at + 1] === "?") {
      throw refuse(this.#source.slice(at, at + 4));
    }
    const foldsCase = this.#foldsCase || token === "(?i:";
    this.#groups.push({ start: this.#out.length, isAtomic: token === "(?>", foldsCase });
    this.#plain(token === "(?>" || token === "(?i:" ? "(?:" : token);
    return token.length;
  }

  #close(): void {
    const group = this.#groups.pop();
    if (group === undefined) throw refuse("a parenthesis that nothing opens");
    this.#plain(")");
    if (group.isAtomic) this.#makeAtomic(group.start);
    this.#last = group.start;
  }

  /** What a lookahead has found is not looked at again: that makes an atomic group of any expression. */
  #makeAtomic(start: number): void {
    const name = `atom${this.#atoms++}`;
    const body = this.#out.slice(start);
    this.#out = `${this.#out.slice(0, start)}(?:(?=(?<${name}>${body}))\\k<${name}>)`;
    this.#last = start;
  }

  #repeat(token: string, at: number): number {
    const next = this.#source[at + 1] ?? "";
    this.#letter = "";
    this.#out += token;
    if (next === "+") {
      this.#makeAtomic(this.#last);
      return 2;
    }
    if (next === "?") this.#out += "?";
    return next === "?" ? 2 : 1;
  }

  #interval(at: number): number {
    const [interval] = /^\{(?:\d+(?:,\d*)?|,\d+)\}/.exec(this.#source.slice(at)) ?? [];
    if (interval === undefined || this.#last < 0) {
      this.#atom("\\{");
      return 1;
    }
    const next = this.#source[at + interval.length];
    if (next === "?" && !interval.includes(",")) throw refuse(`${interval}?`);
    this.#letter = "";
    this.#out += interval;
    return interval.length;
  }

  #class(at: number): number {
    const end = endOfClass(this.#source, at);
    const text = this.#source.slice(at, end);
    if (text.includes("Extended_Pictographic")) throw refuse(text);
    this.#last = this.#out.length;
    this.#letter = "";
    this.#out += this.#foldsCase ? foldClass(text) : text;
    return end - at;
  }

  #atom(token: string): void {
    if (REFUSED.has(token)) throw refuse(token);
    this.#last = this.#out.length;
    if (!this.#foldsCase) {
      this.#out += token;
      return;
    }
    if (!FOLDED.test(token)) throw refuse(`(?i:${token})`);
    const letter = token.toLowerCase();
    if (LIGATURES.has(this.#letter + letter)) throw refuse(`(?i:${this.#letter}${letter})`);
    const isLetter = /^[a-z]$/.test(letter);
    this.#letter = isLetter ? letter : "";
    this.#out += isLetter ? `[${bothCases(letter)}]` : token;
  }
}

/**
 * @throws Error that names a construct which cannot be had in JavaScript
 */
export function rewriteOniguruma(source: string): string {
  return new Rewriter(source).run();
}
