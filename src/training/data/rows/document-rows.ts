import type { Row, RowBatches } from "./row.ts";
import { textChunks } from "./text-stream.ts";

/** Long documents are tokenised in pieces of about this many characters. */
const PIECE_CHARACTERS = 1 << 16;

/** Where a long text is best cut: after its last paragraph, line or word; never inside a surrogate pair. */
function cutAt(text: string): number {
  const half = text.length >> 1;
  const paragraph = text.lastIndexOf("\n\n") + 2;
  if (paragraph > half) return paragraph;
  const line = text.lastIndexOf("\n") + 1;
  if (line > half) return line;
  // The space goes with the word after it, as most tokenizers have it.
  const word = text.lastIndexOf(" ");
  if (word > half) return word;
  const code = text.charCodeAt(text.length - 1);
  return code >= 0xd800 && code <= 0xdbff ? text.length - 1 : text.length;
}

/** A text file as one document: rows with its text, piece after piece, in the column `text`. */
export async function* documentRows(file: string): RowBatches {
  let line = 1;
  const row = (text: string, document: Row["document"] & string): Row => {
    line += text.split("\n").length - 1;
    return { line, fields: { text }, document };
  };
  let rest = "";
  let hasBegun = false;
  for await (const chunk of textChunks(file)) {
    rest += chunk;
    const rows: Row[] = [];
    while (rest.length > 2 * PIECE_CHARACTERS) {
      const piece = rest.slice(0, PIECE_CHARACTERS);
      const at = cutAt(piece);
      rows.push(row(piece.slice(0, at), "goes on"));
      rest = rest.slice(at);
      hasBegun = true;
    }
    yield rows;
  }
  // Blank or not, the end of a document that has begun has to be told.
  if (hasBegun || rest.trim() !== "") yield [row(rest, "ends")];
}
