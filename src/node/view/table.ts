import type { NodeStatus } from "../records/records.ts";

/** A table for a terminal: columns as wide as their widest cell, numbers to the right. */
export function table(
  headers: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): readonly string[] {
  const text = rows.map((row) => row.map((cell) => (cell === null ? "-" : String(cell))));
  const isNumeric = headers.map((_, column) =>
    rows.every((row) => row[column] === null || typeof row[column] === "number"),
  );
  return aligned([headers, ...text], { isRight: (column) => isNumeric[column] === true });
}

/**
 * Rows of text, each one line with its cells below one another. The first row has a cell for every column.
 *
 * @param look.gap - spaces between columns; two when absent
 * @param look.isRight - whether a column's cells stand to the right; when absent all stand to the left
 * @param look.paint - what becomes of a cell once it has its column's width; when absent it stays as it is
 */
export function aligned(
  rows: readonly (readonly string[])[],
  look: {
    readonly gap?: number;
    readonly isRight?: (column: number) => boolean;
    readonly paint?: (cell: string, row: number, column: number) => string;
  } = {},
): readonly string[] {
  const { gap = 2, isRight = () => false, paint = (cell) => cell } = look;
  const widths = columnWidths(rows);
  return rows.map((cells, row) =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? "";
        return paint(isRight(column) ? cell.padStart(width) : cell.padEnd(width), row, column);
      })
      .join(" ".repeat(gap))
      .trimEnd(),
  );
}

/** Characters of the widest cell of each column. */
export function columnWidths(rows: readonly (readonly string[])[]): readonly number[] {
  return (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
}

/** A table in Markdown. */
export function markdownTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(headers), `|${"---|".repeat(headers.length)}`, ...rows.map(line)].join("\n");
}

/** A peer id or digest short enough to read: its last characters, where peer ids differ. */
export function short(id: string): string {
  return id.length <= 10 ? id : `…${id.slice(-8)}`;
}

/** Digest of a base model, and the commit of the hub that it is. */
export function describeModel(model: NodeStatus["model"]): string {
  const { digest, origin } = model;
  const from = origin === null ? "" : `, ${origin.id} at commit ${origin.commit}`;
  return `digest ${digest.slice(0, 12)}${from}`;
}

/** Bytes in binary units, with a decimal below a hundred: `1.5 MiB`, `256 KiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** A speed of a link: `10 Mbit/s`, `2.5 Gbit/s`. */
export function linkSpeed(bitsPerSecond: number): string {
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bitsPerSecond)) / 3));
  return `${Number((bitsPerSecond / 1000 ** power).toPrecision(3))} ${units[power]}`;
}

/** A speed as a whole number, a slow one with one decimal. */
export function perSecond(speed: number): string {
  return speed.toFixed(speed < 9.95 ? 1 : 0);
}

/** A loss with four decimals; null stays null. */
export function decimals(value: number | null): string | null {
  return value === null ? null : value.toFixed(4);
}

/** A time for a person: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** What the members of a run have decided about it; rounds are counted from 1. */
export function decidedText(decided: {
  readonly rounds: number;
  readonly steps: number;
  readonly from: number;
}): string {
  const { rounds, steps, from } = decided;
  return `${rounds} rounds, of ${steps} steps each from round ${from} on`;
}

/** What members have taken back. */
export function rolledBackText({
  without,
  to,
}: {
  readonly without: string;
  readonly to: number;
}): string {
  return `mixed again from round ${to} on, without the updates of ${without}`;
}
