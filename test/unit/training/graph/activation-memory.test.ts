import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PROGRAM = join(import.meta.dirname, "../../../support/training-peak.ts");

interface Taken {
  /** The plan, bytes. */
  readonly activations: number;
  /** The most memory of the whole process, bytes. */
  readonly peak: number;
}

async function trainOn(length: number): Promise<Taken> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, `${length}`]);
  return JSON.parse(stdout) as Taken;
}

test("longer rows take the memory that is planned for their activations, not twice as much", async () => {
  const [long, short] = await Promise.all([trainOn(384), trainOn(8)]);
  const growth = (long.peak - short.peak) / (long.activations - short.activations);
  expect(growth).toBeGreaterThan(0.6);
  expect(growth).toBeLessThan(2);
});
