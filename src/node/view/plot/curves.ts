import {
  type Box,
  GRID,
  INK,
  line,
  logarithmicTicks,
  MUTED,
  niceTicks,
  PEER_COLOURS,
  round,
  SERIES,
  type SeriesKey,
  spread,
  text,
} from "./drawing.ts";

/** One peer's loss by round, rounds counted from 1. */
export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly round: number; readonly loss: number }[];
}

export interface CurvesData {
  readonly curves: readonly Curve[];
  /** Losses that a run compares, drawn as horizontal lines. */
  readonly levels: readonly { readonly key: SeriesKey; readonly loss: number }[];
  readonly rounds: number;
  /** What the lines and the levels are, in a line below the title. */
  readonly caption: string;
}

const LABEL_GAP = 19;
/** About the width of a letter at size 14, and the room right of the chart. */
const LETTER_WIDTH = 7.6;
const LABEL_ROOM = 150;

/** Losses round by round, with those that a run compares as levels. */
export function curvesChart(data: CurvesData, box: Box): string {
  const losses = [
    ...data.curves.flatMap(({ points }) => points.map(({ loss }) => loss)),
    ...data.levels.map(({ loss }) => loss),
  ].filter(Number.isFinite);
  // A run that was interrupted early has none.
  const shown = losses.length > 0 ? losses : [0, 1];
  const { ticks, height } = lossScale(Math.min(...shown), Math.max(...shown));
  const x = (at: number) =>
    box.left + (data.rounds === 1 ? 0.5 : (at - 1) / (data.rounds - 1)) * box.width;
  const y = (loss: number) => box.top + box.height * (1 - height(loss));
  return [
    text(box.left, box.top - 40, "Loss by round", { size: 20, colour: INK, bold: true }),
    text(box.left, box.top - 17, data.caption, { size: 14 }),
    ...ticks.map(
      (tick) =>
        line([box.left, y(tick)], [box.left + box.width, y(tick)], { colour: GRID }) +
        text(box.left - 10, y(tick) + 5, String(tick), { anchor: "end", size: 14 }),
    ),
    ...roundTicks(data.rounds).map((tick) =>
      text(x(tick), box.top + box.height + 24, String(tick), { anchor: "middle", size: 14 }),
    ),
    text(box.left + box.width / 2, box.top + box.height + 48, "round", { anchor: "middle" }),
    ...legend(data.curves, box),
    ...data.curves.map((curve, index) => polyline(curve, colourOf(index), x, y)),
    ...levelLines(data, box, y),
  ].join("\n");
}

/** Ratio of the largest to the smallest loss from which on the axis is logarithmic. */
const LOGARITHMIC_FROM = 6;

/** Ticks, and where a loss lies between the first and the last of them (0 to 1). */
function lossScale(low: number, high: number) {
  const isLogarithmic = low > 0 && high / low >= LOGARITHMIC_FROM;
  const ticks = isLogarithmic ? logarithmicTicks(low, high) : niceTicks(low, high, 6);
  const of = isLogarithmic ? Math.log : (value: number) => value;
  const bottom = of(ticks[0] ?? 0);
  const top = of(ticks.at(-1) ?? 1);
  return { ticks, height: (loss: number) => (of(loss) - bottom) / (top - bottom) };
}

/** Names below the chart, wrapped to its width; none where there are too many to tell apart. */
function legend(curves: readonly Curve[], box: Box): string[] {
  if (curves.length > PEER_COLOURS.length) return [];
  let left = box.left;
  let top = box.top + box.height + 78;
  return curves.map(({ name }, index) => {
    const width = 30 + LETTER_WIDTH * name.length;
    if (left + width > box.left + box.width + LABEL_ROOM) {
      left = box.left;
      top += 21;
    }
    const item = `<circle cx="${round(left + 5)}" cy="${round(top - 5)}" r="5" fill="${colourOf(index)}"/>${text(left + 16, top, name, { size: 14 })}`;
    left += width;
    return item;
  });
}

function colourOf(index: number): string {
  return PEER_COLOURS[index % PEER_COLOURS.length] ?? MUTED;
}

function polyline(
  curve: Curve,
  colour: string,
  x: (round: number) => number,
  y: (loss: number) => number,
): string {
  const points = curve.points.filter(({ loss }) => Number.isFinite(loss));
  const path = points.map((point) => `${round(x(point.round))},${round(y(point.loss))}`).join(" ");
  const dots = points
    .map(
      (point) =>
        `<circle cx="${round(x(point.round))}" cy="${round(y(point.loss))}" r="2.6" fill="${colour}"/>`,
    )
    .join("");
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round" opacity="0.9"/>${dots}`;
}

function levelLines(data: CurvesData, box: Box, y: (loss: number) => number): string[] {
  const right = box.left + box.width;
  const levels = data.levels.filter(({ loss }) => Number.isFinite(loss));
  const places = spread(
    levels.map(({ loss }) => y(loss)),
    LABEL_GAP,
    box.top,
    box.top + box.height,
  );
  return levels.map(({ key, loss }, index) => {
    const { name, colour } = SERIES[key];
    const place = places[index] ?? 0;
    return [
      line([box.left, y(loss)], [right, y(loss)], { colour, width: 2, dash: "7 5" }),
      line([right, y(loss)], [right + 12, place], { colour, width: 1.2 }),
      text(right + 16, place + 5, `${name} ${loss.toFixed(2)}`, { colour, size: 14, bold: true }),
    ].join("");
  });
}

/** At most a dozen round numbers, the first and the last among them where they fit. */
function roundTicks(rounds: number): number[] {
  if (rounds <= 12) return Array.from({ length: rounds }, (_, index) => index + 1);
  const inner = niceTicks(1, rounds, 8).filter((tick) => tick > 1 && tick <= rounds);
  return [1, ...inner.filter((tick) => Number.isInteger(tick))];
}
