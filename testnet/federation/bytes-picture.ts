import {
  type Box,
  GRID,
  INK,
  line,
  logarithmicTicks,
  niceTicks,
  PEER_COLOURS,
  round,
  text,
} from "../../src/node/view/plot/drawing.ts";
import { renderSvg } from "../../src/node/view/plot/image.ts";
import { bytes } from "../../src/node/view/table.ts";
import { type BytesToLossRun, nameOf } from "./bytes-to-loss.ts";

const WIDTH = 1000;
const HEIGHT = 620;
const BOX: Box = { left: 76, top: 110, width: 560, height: 430 };

/** Loss against bytes sent, a curve for each run, as PNG. */
export function bytesPicture(runs: readonly BytesToLossRun[]): Uint8Array {
  return renderSvg(bytesSvg(runs), WIDTH);
}

/** The same as SVG: bytes on a logarithmic axis. Pure. */
export function bytesSvg(runs: readonly BytesToLossRun[]): string {
  const sent = runs.flatMap(({ bytesPerPeer }) => bytesPerPeer);
  const losses = runs.flatMap(({ loss }) => loss).filter(Number.isFinite);
  const columns = logarithmicTicks(Math.min(...sent), Math.max(...sent));
  const rows = niceTicks(Math.min(...losses), Math.max(...losses), 6);
  const x = scale(columns.map(Math.log), BOX.left, BOX.left + BOX.width);
  const y = scale(rows, BOX.top + BOX.height, BOX.top);
  const [left, right, bottom] = [BOX.left, BOX.left + BOX.width, BOX.top + BOX.height];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(40, 48, "What a loss costs in bytes", { size: 25, colour: INK, bold: true }),
    text(40, 76, "loss on the test set, against what a member sends to another"),
    ...rows.map(
      (tick) =>
        line([left, y(tick)], [right, y(tick)], { colour: GRID }) +
        text(left - 10, y(tick) + 5, String(tick), { anchor: "end", size: 14 }),
    ),
    ...columns.map((tick) =>
      text(x(Math.log(tick)), bottom + 24, bytes(tick), { anchor: "middle", size: 13 }),
    ),
    ...runs.map((run, index) => curve(run, index, x, y)),
    ...runs.map((run, index) =>
      text(right + 24, BOX.top + 14 + 22 * index, nameOf(run), {
        ...{ size: 13, bold: true, colour: colourOf(index) },
      }),
    ),
    "</svg>",
  ].join("\n");
}

// --- internal ---

function scale(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const [first = 0, last = 1] = [ticks[0], ticks.at(-1)];
  return (value) => from + ((value - first) / (last - first || 1)) * (to - from);
}

function curve(
  { bytesPerPeer, loss }: BytesToLossRun,
  index: number,
  x: (logarithm: number) => number,
  y: (loss: number) => number,
): string {
  const points = bytesPerPeer.map(
    (sent, place) => `${round(x(Math.log(sent)))},${round(y(loss[place] ?? 0))}`,
  );
  return `<polyline points="${points.join(" ")}" fill="none" stroke="${colourOf(index)}" stroke-width="2.2" stroke-linejoin="round"/>`;
}

function colourOf(index: number): string {
  return PEER_COLOURS[index % PEER_COLOURS.length] ?? INK;
}
