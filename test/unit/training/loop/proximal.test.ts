import { expect, test } from "vitest";
import { addProximalGradient } from "../../../../src/training/loop/proximal.ts";

test("adds mu times the way from the start, in the slots that train only", () => {
  const gradient = Float32Array.of(1, 1, 1);
  const [state, start] = [Float32Array.of(3, 5, 7), Float32Array.of(1, 5, 9)];
  const slot = { name: "w", shape: [2, 1], offset: 0 };
  addProximalGradient(gradient, state, { start, mu: 0.5 }, [slot]);
  // 1 + 0.5 (3 - 1), 1 + 0.5 · 0; the third is of no slot.
  expect([...gradient]).toEqual([2, 1, 1]);
  addProximalGradient(gradient, state, { start, mu: 0 }, [slot]);
  expect([...gradient]).toEqual([2, 1, 1]);
});
