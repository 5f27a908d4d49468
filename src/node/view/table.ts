import type { NodeStatus } from "../records/records.ts";

/** A table for a terminal: columns as wide as their widest cell, numbers to the right. */
export function table(
  headers: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): readonly string[] {
  const text = rows.map((row) => row.map((cell) => (cell === null ? "-" : String(cell))));
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...text.map((row) => row[column]?.length ?? 0)),
  );
  const isNumeric = headers.map((_, column) =>
    rows.every((row) => row[column] === null || typeof row[column] === "number"),
  );
  const render = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumeric[column] === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [render(headers), ...text.map(render)];
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

/** Bytes in binary units, e.g. `1.5 MiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A speed as a whole number, a slow one with one decimal. */
export function perSecond(speed: number): string {
  return speed.toFixed(speed < 9.95 ? 1 : 0);
}

/** A loss with four decimals; null stays null. */
export function decimals(value: number | null): string | null {
  return value === null ? null : value.toFixed(4);
}
