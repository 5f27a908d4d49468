import { type Box, GRID, INK, line, round, SERIES, type SeriesKey, text } from "./drawing.ts";

export interface Bar {
  readonly key: SeriesKey;
  readonly loss: number;
  readonly exactMatch: number;
}

const VALUE_ROOM = 26;

/** Losses on a set of examples, one bar for each thing compared, exact match below its name. */
export function barsChart(bars: readonly Bar[], box: Box, title: string): string {
  const highest = Math.max(...bars.map(({ loss }) => loss).filter(Number.isFinite));
  const slot = box.width / bars.length;
  const width = Math.min(84, slot * 0.62);
  const bottom = box.top + box.height;
  return [
    text(box.left, box.top - 40, title, { size: 20, colour: INK, bold: true }),
    text(box.left, box.top - 17, "loss per token, lower is better", { size: 14 }),
    ...bars.map((bar, index) => {
      const middle = box.left + slot * (index + 0.5);
      const height = Math.max(2, ((box.height - VALUE_ROOM) * bar.loss) / highest);
      const { name, colour } = SERIES[bar.key];
      return [
        `<rect x="${round(middle - width / 2)}" y="${round(bottom - height)}" width="${round(width)}" height="${round(height)}" rx="4" fill="${colour}"/>`,
        text(middle, bottom - height - 9, bar.loss.toFixed(2), {
          anchor: "middle",
          colour: INK,
          bold: true,
          size: 17,
        }),
        text(middle, bottom + 24, name, { anchor: "middle", colour: INK }),
        text(middle, bottom + 45, `${(100 * bar.exactMatch).toFixed(0)} % exact`, {
          anchor: "middle",
          size: 13,
        }),
      ].join("");
    }),
    line([box.left, bottom], [box.left + box.width, bottom], { colour: GRID, width: 2 }),
  ].join("\n");
}
