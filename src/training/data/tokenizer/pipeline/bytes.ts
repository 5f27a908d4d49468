/** The 256 characters that stand for bytes in byte-level vocabularies: printable ones for themselves (GPT-2). */
const CHARACTERS: readonly string[] = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : next++),
  );
})();
const BYTES: ReadonlyMap<string, number> = new Map(CHARACTERS.map((each, byte) => [each, byte]));

const encoder = new TextEncoder();
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Every byte of a text as the character that stands for it. */
export function byteCharacters(text: string): string {
  let out = "";
  for (const byte of encoder.encode(text)) out += CHARACTERS[byte];
  return out;
}

/** The bytes that the characters of a piece stand for; a piece with any other character stands for itself. */
export function bytesOfPiece(piece: string): readonly number[] {
  const bytes: number[] = [];
  for (const character of piece) {
    const byte = BYTES.get(character);
    if (byte === undefined) return [...encoder.encode(piece)];
    bytes.push(byte);
  }
  return bytes;
}

/** The names that a vocabulary has for single bytes, `<0x0A>` and so on. */
export function byteNames(text: string): readonly string[] {
  return Array.from(
    encoder.encode(text),
    (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
}

/** Bytes as text; what is no text becomes the replacement character. */
export function textOfBytes(bytes: readonly number[]): string {
  return lossy.decode(Uint8Array.from(bytes));
}

/** Bytes as text, or null where they are none. */
export function textOfExactBytes(bytes: readonly number[]): string | null {
  try {
    return strict.decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}
