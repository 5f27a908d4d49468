/** How many tokens a text has. */
export interface TokenCount {
  readonly tokens: number;
  /** It has these and more: a very long text is not counted to its end. */
  readonly isLeast: boolean;
}

/** The tokens of all rows that were cut. */
export interface CutTokens {
  readonly kept: number;
  readonly lost: number;
  /** More are lost than that. */
  readonly isLeast: boolean;
}

/** What a row lost of its texts when `kept` of their tokens are left. */
export function lostOf(texts: readonly TokenCount[], kept: number): TokenCount {
  const tokens = texts.reduce((sum, text) => sum + text.tokens, 0) - kept;
  return { tokens: Math.max(0, tokens), isLeast: texts.some(({ isLeast }) => isLeast) };
}

/** The tokens of a row that was cut to `kept` of them, joined to those of the rows before. */
export function cutTokens(
  before: CutTokens | undefined,
  kept: number,
  { tokens, isLeast }: TokenCount = { tokens: 0, isLeast: true },
): CutTokens {
  const { kept: others = 0, lost = 0, isLeast: isSo = false } = before ?? {};
  return { kept: others + kept, lost: lost + tokens, isLeast: isSo || isLeast };
}

/** As it is named in a summary: not at all where no row was cut. */
export function cutOf(cut: CutTokens | undefined): { readonly cut?: CutTokens } {
  return cut === undefined ? {} : { cut };
}
