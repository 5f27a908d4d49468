import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../../src/node/store/atomic-file.ts";
import { realFileSystem } from "../../src/node/store/file-system.ts";
import { numberText, percentText } from "../../src/node/view/quantities.ts";
import { BACKDOOR_ATTACKS } from "../attacks/backdoor-attacks.ts";
import { type Block, blocksOf, meanGain } from "./blocks.ts";
import { gainText, type Matrix, type MatrixCell } from "./matrix.ts";
import { matrixPicture } from "./matrix-picture.ts";

/** Writes matrix.json, matrix.md and matrix.png into a folder. */
export function writeMatrix(matrix: Matrix, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string | Uint8Array) =>
    writeAtomically(realFileSystem, join(folder, name), [Buffer.from(content)]);
  write("matrix.json", `${JSON.stringify(matrix, null, 2)}\n`);
  write("matrix.md", matrixMarkdown(matrix));
  write("matrix.png", matrixPicture(blocksOf(matrix)));
}

/** The matrix as tables in Markdown. */
export function matrixMarkdown(matrix: Matrix): string {
  const { peers, rounds, steps, cells } = matrix;
  const seconds = cells.map(({ cpuSeconds }) => cpuSeconds);
  const head = [
    "# Attacks and rules",
    "",
    `Mode agreed in one process: ${peers} peers, ${rounds} rounds x ${steps} steps. A number is the gain retained, (local-only - loss) /`,
    "(local-only - clean): 1 is plain averaging without attackers, 0 each peer by itself. With several seeds it is their mean,",
    "and the least and the most of them.",
    "",
    `A cell took ${numberText(Math.min(...seconds), 0)} to ${numberText(Math.max(...seconds), 0)} s of processor time.`,
  ];
  const tables = blocksOf(matrix).flatMap((block) => [
    "",
    `## ${block.title}`,
    "",
    ...tableOf(block),
  ]);
  return `${[...head, ...tables].join("\n")}\n`;
}

// --- internal ---

function tableOf({ rules, rows }: Block): readonly string[] {
  const line = (texts: readonly string[]) => `| ${texts.join(" | ")} |`;
  const attacked = rows.filter(({ attack }) => attack !== "none");
  const worst = rules.map((_, column) =>
    worstText(attacked.map(({ cells }) => cells[column] ?? [])),
  );
  const all = rows.flatMap(({ cells }) => cells.flat());
  return [
    line(["attack", ...rules]),
    line(["---", ...rules.map(() => "---:")]),
    ...rows.map(({ attack, cells }) => line([attack, ...cells.map(cellText)])),
    ...(attacked.length > 1 ? [line(["**worst**", ...worst])] : []),
    "",
    `Loss local-only ${range(all.map(({ localOnly }) => localOnly))}, clean ${range(all.map(({ clean }) => clean))}.`,
    ...all.filter(({ attack }) => attack in BACKDOOR_ATTACKS).map(backdoorText),
    ...all.filter(({ refused }) => refused !== null).map(refusalText),
    ...all.filter(({ falselyIsolated }) => falselyIsolated.length > 0).map(isolationText),
  ];
}

function cellText(cells: readonly MatrixCell[]): string {
  const [first] = cells;
  if (first === undefined) return "–";
  const gain = meanGain(cells);
  if (gain === null) return gainText(cells.find(({ loss }) => loss === null) ?? first);
  if (cells.length === 1) return gain.toFixed(3);
  const gains = cells.flatMap(({ retainedGain }) => retainedGain ?? []);
  const [least, most] = [Math.min(...gains), Math.max(...gains)];
  return `${gain.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})`;
}

function worstText(column: readonly (readonly MatrixCell[])[]): string {
  if (column.flat().some(({ loss }) => loss === null)) return "diverged";
  return numberText(Math.min(...column.map((cells) => meanGain(cells) ?? Number.NaN)));
}

function backdoorText({ attack, rule, seed, opened, openedClean }: MatrixCell): string {
  const [share, chance] = [opened, openedClean].map((each) =>
    numberText(100 * (each ?? Number.NaN), 1),
  );
  return `Triggered rows answered as attackers want, ${attack} with ${rule}, seed ${seed}: ${share} %; without attackers ${chance} %.`;
}

function refusalText({ attack, rule, seed, refused, refusedClean }: MatrixCell): string {
  const [share, clean] = [refused, refusedClean].map((each) => percentText(each));
  return `Canaries refused, ${attack} with ${rule}, seed ${seed}: ${share}; without attackers ${clean}.`;
}

function isolationText({ attack, rule, seed, falselyIsolated }: MatrixCell): string {
  const peers = falselyIsolated.map((index) => index + 1).join(", ");
  return `Honest peers shut out under ${attack} with ${rule}, seed ${seed}: ${peers}.`;
}

function range(values: readonly (number | null)[]): string {
  const known = values.flatMap((value) => value ?? []);
  if (known.length === 0) return "diverged";
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return least === most ? least.toFixed(3) : `${least.toFixed(3)} to ${most.toFixed(3)}`;
}
