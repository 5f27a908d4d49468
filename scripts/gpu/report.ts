import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytes, markdownTable } from "../../src/node/view/table.ts";
import type { Card } from "./card.ts";
import { type Floors, FORMULAE } from "./floors.ts";
import type { Figures, Outcome, Row } from "./rows.ts";

/** A row with what became of it; floors where a card is known and the row computes on it. */
export interface ReportRow extends Row {
  readonly outcome: Outcome;
  readonly floors: Floors | null;
}

export interface Report {
  readonly made: string;
  readonly card: Card | null;
  readonly host: { readonly processor: string; readonly threads: number; readonly node: string };
  readonly settings: {
    readonly batch: number;
    readonly sequence: number;
    readonly rank: number;
    readonly targets: readonly string[];
    readonly steps: number;
    readonly seconds: number;
  };
  /** Why there are no floors; null where there are. */
  readonly withoutFloors: string | null;
  readonly rows: readonly ReportRow[];
}

/** Columns of the table in docs/GPU.md. */
export const HEADERS = [
  ...["model", "base in", "program", "tokens/s", "ms a step", "floor by arithmetic, ms"],
  ...["floor by bytes, ms", "memory", "on the card", "loss", "gradients differ by"],
] as const;

/** Writes gpu.json and gpu.md; called after every row, so that a call that is cut off leaves what it has. */
export function writeReport(folder: string, report: Report): void {
  const document = { ...report, formulae: FORMULAE };
  writeFileSync(join(folder, "gpu.json"), `${JSON.stringify(document, null, 2)}\n`);
  writeFileSync(join(folder, "gpu.md"), markdown(report));
}

/** The report as a page: the machine, the table, what was not measured and why, how floors are computed. */
export function markdown(report: Report): string {
  const { rows, withoutFloors, settings } = report;
  const tokens = settings.batch * settings.sequence;
  const remarks = rows.flatMap(({ outcome, ...row }) => {
    const text = remarkOf(outcome);
    return text === null ? [] : [`- ${nameOf(row)}: ${text}`];
  });
  const notes = withoutFloors === null ? FORMULAE : [`No floors: ${withoutFloors}.`];
  return [
    machine(report),
    "",
    markdownTable(
      HEADERS,
      rows.map((row) => cells(row, tokens)),
    ),
    "",
    ...remarks,
    ...(remarks.length === 0 ? [] : [""]),
    ...notes.map((each) => `- ${each}`),
    "",
  ].join("\n");
}

// --- internal ---

/** What the table does not say of a row. */
function remarkOf(outcome: Outcome): string | null {
  switch (outcome.state) {
    case "measured":
      return outcome.figures.remark;
    case "failed":
      return outcome.reason;
    case "not reached":
      return null;
  }
}

function machine({ made, card, host, settings }: Report): string {
  const { batch, sequence, rank, targets, steps, seconds } = settings;
  const graphics =
    card === null
      ? "no NVIDIA card"
      : `${card.name} with ${bytes(card.memoryBytes)}, driver ${card.driver}`;
  return (
    `${made}: ${graphics}; ${host.processor}, ${host.threads} threads, Node ${host.node}. ` +
    `${batch} x ${sequence} tokens, LoRA of rank ${rank} on ${targets.join(", ")}; ` +
    `medians of at most ${steps} steps in ${seconds} s; gradients against onnx:cpu in f32.`
  );
}

function cells({ outcome, floors, ...row }: ReportRow, tokens: number): readonly string[] {
  const name = [row.model, row.dtype, `\`${row.program}\``];
  if (outcome.state !== "measured") {
    const text = outcome.state === "failed" ? "not measured" : outcome.state;
    return [...name, text, ...HEADERS.slice(name.length + 1).map(() => "")];
  }
  return [...name, ...figureCells(outcome.figures, floors, tokens)];
}

function figureCells(figures: Figures, floors: Floors | null, tokens: number): readonly string[] {
  const { tokensPerSecond: speed, loss, gradientDifference, peakBytes, deviceBytes } = figures;
  const milliseconds = (seconds: number | undefined) =>
    seconds === undefined ? "" : String(Number((1000 * seconds).toPrecision(3)));
  return [
    speed.toFixed(speed < 100 ? 1 : 0),
    milliseconds(tokens / speed),
    milliseconds(floors?.arithmetic),
    milliseconds(floors?.bytes),
    bytes(peakBytes),
    deviceBytes === null ? "" : bytes(deviceBytes),
    loss.toFixed(5),
    gradientDifference === null ? "" : differenceText(gradientDifference),
  ];
}

function differenceText(difference: number): string {
  return difference === 0 ? "0" : difference.toExponential(1);
}

function nameOf({ model, dtype, program }: Row): string {
  return `${model} ${dtype} \`${program}\``;
}
