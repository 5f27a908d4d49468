import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../../src/random.ts";
import { LossWatchdog } from "../../../../src/training/loop/loss-watchdog.ts";

/** The step at which a training of these losses is stopped; null when it never is. */
function stoppedAt(losses: readonly number[], norm = 1): number | null {
  const watchdog = new LossWatchdog();
  const at = losses.findIndex((loss) => watchdog.observe(loss, norm) !== null);
  return at < 0 ? null : at;
}

describe("the loss watchdog", () => {
  test("stops at the first number that is none", () => {
    expect(stoppedAt([3, 2, Number.NaN])).toBe(2);
    expect(stoppedAt([Number.POSITIVE_INFINITY])).toBe(0);
    expect(stoppedAt([3], Number.NaN)).toBe(0);
  });

  test("lets a noisy training fall, stall and wobble", () => {
    const random = seededRandom(3);
    const losses = Array.from(
      { length: 400 },
      (_, step) => 6 * Math.exp(-step / 60) + 0.3 + 0.8 * random(),
    );
    expect(stoppedAt(losses)).toBeNull();
    // One bad batch is no divergence.
    losses[200] = 9;
    expect(stoppedAt(losses)).toBeNull();
  });

  test("stops a training that leaves at its first step, once it has seen enough", () => {
    expect(stoppedAt([3, ...Array.from({ length: 30 }, () => 40)])).toBe(9);
  });

  test("stops a loss that climbs away, within some steps of its leaving", () => {
    const losses = Array.from({ length: 60 }, (_, step) => (step < 30 ? 2 : 2 + (step - 29)));
    const at = stoppedAt(losses);
    expect(at).toBeGreaterThan(30);
    expect(at).toBeLessThan(45);
  });
});
