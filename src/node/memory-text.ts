import type { MemoryPlan } from "../training/index.ts";
import { bytes } from "./commands/table.ts";

/** What training takes, for a person: each part, the sum, and how it compares with what there is. */
export function describeMemory(plan: MemoryPlan): string {
  const { weights, activations, optimiser, total, rows, length, available } = plan;
  const parts = `weights ${bytes(weights)}, activations ${bytes(activations)}, optimiser ${bytes(optimiser)}`;
  const there = available === null ? "(what the device has is unknown)" : `of ${bytes(available)}`;
  return `${parts}: ${bytes(total)} ${there}, ${rows} x ${length} tokens at a time`;
}

/** What is wrong with a plan, and what to do; null when it fits, or nobody knows. */
export function memoryTrouble(plan: MemoryPlan): { problem: string; fix: string } | null {
  const { rows, rowsThatFit } = plan;
  if (rowsThatFit === null || rowsThatFit >= rows) return null;
  if (rowsThatFit > 0) {
    const problem = `${rowsThatFit} rows fit at a time, not ${rows}`;
    return { problem, fix: "nothing: an out-of-memory makes the parts smaller, not the batch" };
  }
  return {
    problem: "not even one row fits",
    fix: "close other programs, lower run.sequenceMax, or take a smaller model",
  };
}
