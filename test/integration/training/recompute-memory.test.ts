import { expect, test } from "vitest";
import type { BenchTrainResult } from "../../../src/training/bench/train.ts";
import { startCli } from "../../support/klatch-cli.ts";

/** Twelve blocks with 8 MiB of values each, and weights that take little. */
const TASK = ["--shape", "128,12,4,4,768,64", "--batch", "2", "--seq", "256", "--steps", "1"];

/** A training in a process of its own, whose greatest size is the program's. */
async function trained(recompute: "on" | "off"): Promise<BenchTrainResult> {
  const cli = startCli([
    "bench",
    "train",
    ...TASK,
    "--threads",
    "2",
    "--recompute",
    recompute,
    "--json",
  ]);
  expect((await cli.ended()).code, cli.stderr).toBe(0);
  return JSON.parse(cli.stdout) as BenchTrainResult;
}

test("recomputing the blocks gives back the memory that the plan says", async () => {
  const kept = await trained("off");
  const again = await trained("on");
  expect(again.loss).toBe(kept.loss);
  const planned = kept.plannedActivationBytes - again.plannedActivationBytes;
  expect(planned).toBeGreaterThan(0.7 * kept.plannedActivationBytes);
  expect(kept.peakRssBytes - again.peakRssBytes).toBeGreaterThan(0.5 * planned);
});
