import { z } from "zod";
import { tokenId } from "../../../files/token-fields.ts";
import type { Normalizer } from "./normalizers.ts";
import type { Piece } from "./pre-tokenizers.ts";
import { Trie } from "./trie.ts";

const flag = z.boolean().default(false);
/** A token that is found in a text before anything else is done with it. */
export const addedTokenSchema = z.object({
  id: tokenId.optional(),
  content: z.string(),
  ...{ single_word: flag, lstrip: flag, rstrip: flag, special: flag },
  normalized: z.boolean().default(true),
});
export type AddedToken = z.infer<typeof addedTokenSchema>;

const WORD = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const STARTS_WITH_WORD = new RegExp(`^${WORD}`, "u");
const ENDS_WITH_WORD = new RegExp(`${WORD}$`, "u");
const SPACE = /\p{White_Space}/u;

type Section = Piece | { readonly id: number };

/** Keys are texts as they are looked for: in the text itself, or in what the normalizer makes of it. */
class Finder {
  readonly #trie = new Trie<number>();
  readonly #tokens: ReadonlyMap<number, AddedToken>;
  /** Tokens that are text. */
  readonly #asText: ReadonlySet<string>;
  #size = 0;

  constructor(tokens: ReadonlyMap<number, AddedToken>, asText: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#asText = asText;
  }

  add(text: string, id: number): void {
    if (text === "") throw new Error("the normalizer leaves nothing of an added token");
    this.#trie.set(text, id);
    this.#size++;
  }

  /** Leftmost, of those the longest; tokens that do not stand as they must are text. */
  split({ text, isFirst }: Piece): readonly Section[] {
    if (this.#size === 0) return text === "" ? [] : [{ text, isFirst }];
    const sections: Section[] = [];
    let last = 0;
    const addText = (end: number) => {
      if (last < end)
        sections.push({ text: text.slice(last, end), isFirst: isFirst && last === 0 });
    };
    for (let at = 0; at < text.length; ) {
      const found = this.#longestAt(text, at);
      const place = found && this.#placeOf(text, at, found, last);
      if (found && place) {
        addText(place.start);
        // Nothing is left of a token that lies in the white space of the one before.
        if (place.start < place.end) sections.push({ id: found.id });
        last = place.end;
      }
      at = found?.end ?? at + 1;
    }
    addText(text.length);
    return sections;
  }

  #longestAt(text: string, start: number): { readonly id: number; readonly end: number } | null {
    let longest: { readonly id: number; readonly end: number } | null = null;
    this.#trie.visitPrefixes(text, start, (id, end) => {
      longest = { id, end };
    });
    return longest;
  }

  /** What a token takes of the text, white space beside it included; null when it does not count here. */
  #placeOf(
    text: string,
    at: number,
    found: { readonly id: number; readonly end: number },
    last: number,
  ): { readonly start: number; readonly end: number } | null {
    const token = this.#tokens.get(found.id);
    let [start, end] = [at, found.end];
    if (token === undefined || this.#asText.has(token.content)) return null;
    if (token.single_word && joinsWord(text, start, end)) return null;
    if (token.lstrip) {
      while (start > last && SPACE.test(text[start - 1] ?? "")) start--;
      start = Math.max(start, last);
    }
    if (token.rstrip) while (end < text.length && SPACE.test(text[end] ?? "")) end++;
    return { start, end };
  }
}

function joinsWord(text: string, start: number, end: number): boolean {
  const before = text.slice(Math.max(0, start - 2), start);
  return ENDS_WITH_WORD.test(before) || STARTS_WITH_WORD.test(text.slice(end, end + 2));
}

/** The tokens beside the model's own vocabulary, with the ids that the Rust library gives them. */
export class AddedTokens {
  readonly byId = new Map<number, AddedToken>();
  readonly #ids = new Map<string, number>();
  readonly #special = new Set<string>();
  /** How a token is written after normalizing, where that differs. */
  readonly #normalized = new Map<number, string>();
  readonly #plain: Finder;
  readonly #afterNormalizing: Finder;
  readonly #normalizer: Normalizer;

  /**
   * @param batches tokens in the order in which they are added; the last of several with one content counts
   * @param splitsSpecial whether special tokens in a text are text
   */
  constructor(
    batches: readonly (readonly AddedToken[])[],
    options: {
      readonly vocab: ReadonlyMap<string, number>;
      readonly normalizer: Normalizer;
      readonly splitsSpecial: boolean;
    },
  ) {
    const { vocab, normalizer, splitsSpecial } = options;
    this.#normalizer = normalizer;
    for (const tokens of batches) this.#number(tokens, vocab);
    const asText = splitsSpecial ? this.#special : new Set<string>();
    this.#plain = new Finder(this.byId, asText);
    this.#afterNormalizing = new Finder(this.byId, asText);
    for (const [id, token] of this.byId) this.#enter(id, token);
  }

  get(content: string): number | undefined {
    return this.#ids.get(content);
  }

  /** Whether a token is left out of what is read. */
  isSpecial(content: string): boolean {
    return this.#special.has(content);
  }

  /** How the decoders see a token. */
  pieceOf(id: number): string | undefined {
    return this.#normalized.get(id) ?? this.byId.get(id)?.content;
  }

  /** The tokens of a text, and between them what is left of it, normalized. */
  sections(text: string): readonly Section[] {
    return this.#plain.split({ text, isFirst: true }).flatMap((section) => {
      if ("id" in section) return [section];
      const isFirst = section.isFirst && this.#normalizer.keepsStart(section.text);
      return this.#afterNormalizing.split({
        text: this.#normalizer.normalize(section.text),
        isFirst,
      });
    });
  }

  /** A token of the model's vocabulary keeps its id; the others follow on, whatever the file calls them. */
  #number(tokens: readonly AddedToken[], vocab: ReadonlyMap<string, number>): void {
    const largest = [...this.byId.keys()].reduce((max, id) => Math.max(max, id), -1);
    let next = largest >= vocab.size ? largest + 1 : vocab.size;
    for (const token of tokens) {
      if (token.content === "") continue;
      const known = this.#ids.get(token.content) ?? vocab.get(token.content);
      const id = known ?? next++;
      this.#ids.set(token.content, id);
      this.byId.set(id, token);
      if (token.special) this.#special.add(token.content);
    }
  }

  #enter(id: number, token: AddedToken): void {
    if (!token.normalized) {
      this.#plain.add(token.content, id);
      return;
    }
    const written = this.#normalizer.normalize(token.content);
    if (written !== token.content) this.#normalized.set(id, written);
    this.#afterNormalizing.add(written, id);
  }
}
