import type { MemoryPlan } from "../../training/index.ts";
import { bytes } from "./table.ts";

/** What training takes, for a person: each part, the sum, and how it compares with what there is. */
export function describeMemory(plan: MemoryPlan): string {
  const { weights, activations, optimiser, total, rows, length, available, recompute } = plan;
  const parts = `weights ${bytes(weights)}, activations ${bytes(activations)}, optimiser ${bytes(optimiser)}`;
  const there =
    available === null ? "(what the device has is unknown)" : `of ${bytes(available)} available`;
  const way = recompute ? "activations recomputed" : "activations kept";
  return `${parts}: ${bytes(total)} ${there}, ${rows} x ${length} tokens at a time, ${way}`;
}

/** What is wrong with a plan, and what to do; null when it fits, or nobody knows. */
export function memoryTrouble(plan: MemoryPlan): { problem: string; fix: string } | null {
  const { rows, rowsThatFit, recompute } = plan;
  if (rowsThatFit === null || rowsThatFit >= rows) return null;
  const problem =
    rowsThatFit > 0 ? `${rowsThatFit} rows fit at a time, not ${rows}` : "not even one row fits";
  if (!recompute) return { problem, fix: "take engine.recompute auto" };
  if (rowsThatFit > 0) return { problem, fix: `take engine.microBatch ${rowsThatFit}` };
  return { problem, fix: "close other programs, lower run.sequenceMax, or take a smaller model" };
}
