/** One line of a CSV file (RFC 4180); what is not there, and no number, is an empty cell. */
export function csvLine(cells: readonly (string | number | null | undefined)[]): string {
  return `${cells.map(csvCell).join(",")}\n`;
}

// --- internal ---

function csvCell(cell: string | number | null | undefined): string {
  if (cell === null || cell === undefined || Number.isNaN(cell)) return "";
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
