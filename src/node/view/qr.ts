/** Black on white whatever the terminal's colours are: cameras do not read the opposite. */
const BLACK_ON_WHITE = "\u001b[30;107m";
const PLAIN = "\u001b[0m";

/**
 * A text as a QR code of half blocks, a line of the screen each; null where the screen is too narrow for it. Colours are
 * set, so this is for a terminal alone.
 */
export async function qrCode(text: string, columns: number): Promise<readonly string[] | null> {
  const { encode } = await import("uqr");
  const { data, size } = encode(text, { ecc: "L", border: BORDER });
  if (size > columns) return null;
  const rows = Array.from({ length: Math.ceil(size / 2) }, (_, row) => row * 2);
  return rows.map((row) => {
    const cells = data[row]?.map((upper, column) => half(upper, data[row + 1]?.[column] ?? false));
    return `${BLACK_ON_WHITE}${cells?.join("")}${PLAIN}`;
  });
}

// --- internal ---

/** Light modules around it; the standard asks for four, cameras are content with two. */
const BORDER = 2;

function half(upper: boolean, lower: boolean): string {
  if (upper) return lower ? "█" : "▀";
  return lower ? "▄" : " ";
}
