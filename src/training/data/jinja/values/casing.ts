import { refuse } from "../refusal.ts";
import { SPACE } from "../syntax/tokens.ts";

/**
 * Letters whose form at the head of a word is neither the upper nor the lower one, and those whose upper form has
 * several letters, but for the ones that simply go on in lower case (`ß` to `Ss`, `ﬁ` to `Fi`).
 */
const TITLE_FORMS: Readonly<Record<string, string>> = {
  ...{ Ǆ: "ǅ", ǅ: "ǅ", ǆ: "ǅ", Ǉ: "ǈ", ǈ: "ǈ", ǉ: "ǈ" },
  ...{ Ǌ: "ǋ", ǋ: "ǋ", ǌ: "ǋ", Ǳ: "ǲ", ǲ: "ǲ", ǳ: "ǲ" },
};
/** Georgian has capitals for whole words alone. */
const GEORGIAN = /[\u10d0-\u10fa\u10fd-\u10ff]/;
const UNCERTAIN = /[ŉ\u0390\u03b0\u1f50-\u1fff]/;
const SPACES_START = new RegExp(`^[${SPACE}]+`);
const SPACES_END = new RegExp(`[${SPACE}]+$`);
const LETTER = /^\p{L}$/u;

/** A character as it begins a word. */
export function titled(character: string): string {
  if (UNCERTAIN.test(character))
    refuse("a letter is set at the head of a word in a form of its own");
  if (GEORGIAN.test(character)) return character;
  const [first = "", ...rest] = character.toUpperCase();
  return TITLE_FORMS[character] ?? first + rest.join("").toLowerCase();
}

/** Python's `str.capitalize`. */
export function capitalized(text: string): string {
  const [first = "", ...rest] = text;
  // Lower case looks at neighbours, so the first character stays with them.
  return first && titled(first) + lowerAfter(first, rest.join(""));
}

/** Python's `str.title`: a letter behind a letter is small, any other large. */
export function titleCased(text: string): string {
  let result = "";
  let isInWord = false;
  for (const character of text) {
    if (character === "Σ" && isInWord) refuse("a sigma within a word is set small");
    result += isInWord ? character.toLowerCase() : titled(character);
    isInWord = /\p{Cased}/u.test(character);
  }
  return result;
}

export function swapped(text: string): string {
  if (text.includes("Σ")) refuse("a sigma is set small");
  return Array.from(text, (each) =>
    /\p{Uppercase}/u.test(each)
      ? each.toLowerCase()
      : /\p{Lowercase}/u.test(each)
        ? each.toUpperCase()
        : each,
  ).join("");
}

export function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
}

export function isUpper(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
}

export function isTitle(text: string): boolean {
  let isInWord = false;
  let hasWord = false;
  for (const character of text) {
    const isLarge = /[\p{Uppercase}\p{Lt}]/u.test(character);
    const isSmall = /\p{Lowercase}/u.test(character);
    if ((isLarge && isInWord) || (isSmall && !isInWord)) return false;
    isInWord = isLarge || isSmall;
    hasWord ||= isInWord;
  }
  return hasWord;
}

/** Whether a text has characters, all of the kind. Numbers other than decimal digits are not told apart here. */
export function isAll(kind: "letters" | "digits" | "either", text: string): boolean {
  const isOfKind = (character: string) => {
    if (/[\p{No}\p{Nl}]/u.test(character)) refuse("a number that is no digit is judged");
    const isDigit = /\p{Nd}/u.test(character);
    if (kind === "digits") return isDigit;
    return LETTER.test(character) || (kind === "either" && isDigit);
  };
  return text !== "" && Array.from(text).every(isOfKind);
}

/** Python's `strip` at the ends named; `characters` are those to remove, null for white space. */
export function stripped(text: string, characters: string | null, ends: "both" | "left" | "right") {
  if (characters === null) {
    const left = ends === "right" ? text : text.replace(SPACES_START, "");
    return ends === "left" ? left : left.replace(SPACES_END, "");
  }
  const removed = new Set(characters);
  const all = Array.from(text);
  const isKept = (character: string) => !removed.has(character);
  const first = ends === "right" ? 0 : all.findIndex(isKept);
  const last = ends === "left" ? all.length - 1 : all.findLastIndex(isKept);
  return first < 0 ? "" : all.slice(first, last + 1).join("");
}

// --- internal ---

function lowerAfter(first: string, rest: string): string {
  return (first + rest).toLowerCase().slice(first.toLowerCase().length);
}
