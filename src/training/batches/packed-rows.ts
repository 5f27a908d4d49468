/** Lengths of rows that are tried, besides that of the longest text. */
const LENGTHS = [128, 256];

/**
 * Lays texts side by side in rows: the longest first, each into the first row that has room (first fit decreasing,
 * Johnson 1973). Of some lengths of rows, `least` (room for the longest) and above and at most `most`, the one that
 * takes the fewest positions in all.
 *
 * @param sizes positions of each text
 * @returns the indices of the texts in each row
 */
export function packRows(
  sizes: readonly number[],
  least: number,
  most: number,
): { readonly length: number; readonly rows: readonly (readonly number[])[] } {
  const lengths = [least, ...LENGTHS.filter((length) => length > least && length <= most)];
  const tried = lengths.map((length) => ({ length, rows: firstFit(sizes, length) }));
  return tried.reduce((best, each) =>
    each.length * each.rows.length < best.length * best.rows.length ? each : best,
  );
}

function firstFit(sizes: readonly number[], length: number): readonly (readonly number[])[] {
  const order = sizes.map((_, i) => i).sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0));
  const rows: { room: number; readonly texts: number[] }[] = [];
  for (const text of order) {
    const size = sizes[text] ?? 0;
    let row = rows.find(({ room }) => room >= size);
    if (row === undefined) {
      row = { room: length, texts: [] };
      rows.push(row);
    }
    row.room -= size;
    row.texts.push(text);
  }
  return rows.map(({ texts }) => texts);
}
