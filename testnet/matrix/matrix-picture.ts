import { GRID, INK, text } from "../../src/node/view/plot/drawing.ts";
import { renderSvg } from "../../src/node/view/plot/image.ts";
import { type Block, meanGain } from "./blocks.ts";
import type { MatrixCell } from "./matrix.ts";

const MARGIN = 40;
const NAMES_WIDTH = 150;
const [CELL_WIDTH, CELL_HEIGHT] = [124, 26];
/** Above the first block, and above the cells of each. */
const [TITLE_HEIGHT, HEAD_HEIGHT] = [70, 64];
/** Red where nothing is left of the gain, green where all of it is. */
const [NOTHING, HALF, ALL] = ["#c2603c", "#f6efe2", "#4fa596"].map(colourOf);

/** The retained gain of every attack under every rule as a heat map, a block below the other, as PNG. */
export function matrixPicture(blocks: readonly Block[]): Uint8Array {
  return renderSvg(matrixSvg(blocks), widthOf(blocks));
}

/** The same as SVG. Pure. */
export function matrixSvg(blocks: readonly Block[]): string {
  const width = widthOf(blocks);
  const tops = [TITLE_HEIGHT];
  for (const block of blocks) tops.push((tops.at(-1) ?? 0) + heightOf(block));
  const height = (tops.at(-1) ?? 0) + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN, 44, "What is left of the gain under attack", {
      size: 22,
      colour: INK,
      bold: true,
    }),
    ...blocks.flatMap((block, index) => drawn(block, tops[index] ?? 0)),
    "</svg>",
  ].join("\n");
}

// --- internal ---

function widthOf(blocks: readonly Block[]): number {
  const rules = Math.max(3, ...blocks.map((block) => block.rules.length));
  return 2 * MARGIN + NAMES_WIDTH + rules * CELL_WIDTH;
}

function heightOf({ rows }: Block): number {
  return HEAD_HEIGHT + rows.length * CELL_HEIGHT;
}

function drawn({ title, rules, rows }: Block, top: number): readonly string[] {
  const left = (column: number) => MARGIN + NAMES_WIDTH + column * CELL_WIDTH;
  const middle = (column: number) => left(column) + CELL_WIDTH / 2;
  return [
    text(MARGIN, top + 26, title, { bold: true, colour: INK }),
    ...rules.map((rule, column) =>
      text(middle(column), top + 54, rule, { size: 13, anchor: "middle" }),
    ),
    ...rows.flatMap(({ attack, cells }, row) => {
      const y = top + HEAD_HEIGHT + row * CELL_HEIGHT;
      return [
        text(MARGIN, y + 18, attack, { size: 13 }),
        ...cells.flatMap((each, column) => [
          `<rect x="${left(column)}" y="${y}" width="${CELL_WIDTH - 2}" height="${CELL_HEIGHT - 2}" fill="${fillOf(each)}"/>`,
          text(middle(column), y + 17, labelOf(each), { size: 13, anchor: "middle", colour: INK }),
        ]),
      ];
    }),
  ];
}

function labelOf(cells: readonly MatrixCell[]): string {
  if (cells.some(({ loss }) => loss === null)) return "diverged";
  return meanGain(cells)?.toFixed(2) ?? "–";
}

function fillOf(cells: readonly MatrixCell[]): string {
  if (cells.some(({ loss }) => loss === null)) return hexOf(NOTHING);
  const gain = meanGain(cells);
  if (gain === null) return GRID;
  const place = 2 * Math.min(1, Math.max(0, gain));
  return place < 1 ? between(NOTHING, HALF, place) : between(HALF, ALL, place - 1);
}

type Colour = readonly number[];

function colourOf(hex: string): Colour {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function hexOf(colour: Colour = []): string {
  return `#${colour.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

function between(from: Colour = [], to: Colour = [], share: number): string {
  return hexOf(from.map((part, at) => part + share * ((to[at] ?? 0) - part)));
}
