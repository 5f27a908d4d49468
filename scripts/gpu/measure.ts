/**
 * Every engine and PyTorch on the same models, each in a process of its own, before a deadline: what a day with a card is
 * for. Writes gpu.json and gpu.md. run.sh calls it on a bare machine; in a checkout with its packages it runs as it is.
 *
 *   node scripts/gpu/measure.ts [--out DIR] [--deadline 510] [--shape smollm2-135m --shape qwen2.5-0.5b]
 *     [--dtypes f32,f16] [--engines onnx:cpu,...] [--python python3|none] [--batch 8] [--seq 256] [--threads N]
 *     [--steps 20] [--seconds 8] [--limit 75]
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { bytes } from "../../src/node/view/table.ts";
import { type Card, readCard } from "./card.ts";
import { type Floors, floors, peaksOf, runsOnCard } from "./floors.ts";
import { type Options, readOptions } from "./options.ts";
import { type Report, type ReportRow, writeReport } from "./report.ts";
import { LORA, RowBench } from "./row-bench.ts";
import { NOT_REACHED, type Outcome, planRows, type Row } from "./rows.ts";

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const { shape, dtypes, engines, python, out, started, deadline } = options;
  const card = await readCard();
  const programs = python === "none" ? engines : (["pytorch", ...engines] as const);
  const rows: ReportRow[] = planRows(shape, dtypes, programs).map((row) => ({
    ...{ ...row, outcome: NOT_REACHED, floors: null },
  }));
  mkdirSync(out, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "klatch-gpu-"));
  const bench = new RowBench(options, folder, () => started + deadline - Date.now() / 1000);
  try {
    for (const [i, row] of rows.entries()) {
      const outcome = await bench.measure(row);
      rows[i] = { ...row, outcome, floors: floorsOf(row, outcome, card, bench) };
      // After every row, so that a call that is cut off leaves what it has.
      writeReport(out, reportOf(options, card, rows));
      process.stdout.write(`${row.model} ${row.dtype} ${row.program}: ${described(outcome)}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// --- internal ---

function floorsOf(row: Row, outcome: Outcome, card: Card | null, bench: RowBench): Floors | null {
  if (outcome.state !== "measured" || !runsOnCard(row.program, outcome.figures)) return null;
  const [peaks, work] = [peaksOf(card), bench.work(row.model)];
  return peaks === null || work === null ? null : floors(work, row.program, row.dtype, peaks);
}

function reportOf(options: Options, card: Card | null, rows: readonly ReportRow[]): Report {
  const { batch, seq: sequence, steps, seconds, threads } = options;
  const processor = cpus()[0]?.model ?? "unknown processor";
  const withoutFloors =
    card === null ? "no NVIDIA card was found" : `${card.name} is not in the table of cards`;
  return {
    made: new Date().toISOString(),
    card,
    host: { processor, threads, node: process.version },
    settings: { batch, sequence, ...LORA, steps, seconds },
    withoutFloors: peaksOf(card) === null ? withoutFloors : null,
    rows,
  };
}

function described(outcome: Outcome): string {
  if (outcome.state !== "measured") return `${outcome.state}: ${outcome.reason}`;
  const { tokensPerSecond, loss, peakBytes } = outcome.figures;
  return `${tokensPerSecond.toFixed(1)} tokens/s, loss ${loss.toFixed(5)}, ${bytes(peakBytes)}`;
}

await main();
