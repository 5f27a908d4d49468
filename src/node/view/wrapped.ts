import { Help } from "commander";

/** Lines of a name and a text each, the texts `indent` characters in, cut to fit as by {@link wrapped}. */
export function wrappedLines(
  lines: readonly string[],
  indent: number,
  columns: number | null,
): readonly string[] {
  return lines.map((line) => wrapped(line.slice(0, indent), line.slice(indent), columns));
}

/**
 * A text behind a prefix. On a screen of `columns` characters it is cut between words into lines that fit, one below
 * the other; a longer word stays whole, so that a path can be copied. Without a screen (null) it is one line.
 */
export function wrapped(prefix: string, text: string, columns: number | null): string {
  const lines = columns === null ? text : new Help().boxWrap(text, columns - prefix.length);
  return prefix + lines.replaceAll("\n", `\n${" ".repeat(prefix.length)}`);
}
