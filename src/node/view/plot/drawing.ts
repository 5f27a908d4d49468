/** Colours and sizes that both charts share. */
export const INK = "#1b2430";
export const MUTED = "#5d6b7a";
export const GRID = "#e3e8ee";
export const FONT = "Atkinson Hyperlegible";

/** The four things a run compares, each with its colour. */
export const SERIES = {
  base: { name: "base model", colour: "#8a94a0" },
  localOnly: { name: "local only", colour: "#c2603c" },
  federated: { name: "federated", colour: "#0f7b6c" },
  centralised: { name: "centralised", colour: "#3f62b5" },
} as const;
export type SeriesKey = keyof typeof SERIES;

/** Lines of peers, told apart by hue. */
export const PEER_COLOURS = [
  "#0f7b6c",
  "#d08a2e",
  "#6a5aa8",
  "#4f9bc4",
  "#b0566e",
  "#7fa84f",
  "#8a6d4b",
  "#33b1a0",
  "#a07cc5",
  "#70763a",
] as const;

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface TextStyle {
  readonly size?: number;
  readonly colour?: string;
  readonly anchor?: "start" | "middle" | "end";
  readonly bold?: boolean;
}

/** Text as SVG, escaped. */
export function text(x: number, y: number, content: string, style: TextStyle = {}): string {
  const { size = 15, colour = MUTED, anchor = "start", bold = false } = style;
  const weight = bold ? 700 : 400;
  return `<text x="${round(x)}" y="${round(y)}" font-family="${FONT}" font-size="${size}" font-weight="${weight}" fill="${colour}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

/** A straight line as SVG. */
export function line(
  from: readonly [number, number],
  to: readonly [number, number],
  style: { readonly colour: string; readonly width?: number; readonly dash?: string },
): string {
  const dash = style.dash === undefined ? "" : ` stroke-dasharray="${style.dash}"`;
  return `<line x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}" stroke="${style.colour}" stroke-width="${style.width ?? 1}"${dash}/>`;
}

/** Two decimals are enough for a picture and keep it small. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Round numbers from at or below `low` to at or above `high`, about `count` of them. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high > low ? high - low : Math.max(1e-9, Math.abs(high) || 1);
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

/** 1, 2 and 5 times powers of ten, from at or below `low` to at or above `high`; both positive. */
export function logarithmicTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const count = Math.ceil(Math.log10(high)) - first + 1;
  const all = Array.from({ length: 3 * count }, (_, index) =>
    Number(((STEPS[index % 3] ?? 1) * 10 ** (first + Math.floor(index / 3))).toPrecision(6)),
  );
  const from = Math.max(
    0,
    all.findLastIndex((tick) => tick <= low),
  );
  const to = all.findIndex((tick) => tick >= high);
  return all.slice(from, to + 1);
}

const STEPS = [1, 2, 5];

/** Moves label positions apart until neighbours are at least `gap` from one another; keeps their order. */
export function spread(
  positions: readonly number[],
  gap: number,
  low: number,
  high: number,
): number[] {
  const order = positions.map((_, index) => index);
  order.sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0));
  const placed = [...positions];
  let least = low;
  for (const index of order) {
    placed[index] = Math.max(least, placed[index] ?? 0);
    least = (placed[index] ?? 0) + gap;
  }
  let most = high;
  for (const index of order.toReversed()) {
    placed[index] = Math.min(most, placed[index] ?? 0);
    most = (placed[index] ?? 0) - gap;
  }
  return placed;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
