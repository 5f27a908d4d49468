import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type BaseModel, makeBaseModel } from "../../../../src/training/base/base-model.ts";
import { parseAsWritten } from "../../../../src/training/files/json-fields.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { sizeOf } from "../../../../src/training/graph/value.ts";
import { slotView } from "../../../../src/training/layout/slots.ts";
import type { ModelDefinition } from "../../../../src/training/models/definition.ts";
import type { AdapterLayout } from "../../../../src/types.ts";

/** What test/fixtures/golden_numbers.py keeps of each gradient. */
export type GoldenGradients = Readonly<
  Record<string, { readonly norm: number; readonly dot: number; readonly first: readonly number[] }>
>;

/** Every case of a folder by name; what stands under `config` keeps its numbers as they are written. */
export function readGoldens<T>(folder: string): readonly (readonly [string, T])[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => {
      const text = readFileSync(join(folder, file), "utf8");
      const { config } = parseAsWritten(text) as { config: object };
      return [file.slice(0, -".json".length), { ...JSON.parse(text), config }] as const;
    });
}

/** The stream of numbers in [-0.5, 0.5) that belongs to a tensor's name. */
export function stream(name: string, count: number): Float64Array {
  let state = 2166136261;
  for (const byte of new TextEncoder().encode(name)) {
    state = Math.imul(state ^ byte, 16777619) >>> 0;
  }
  return Float64Array.from({ length: count }, () => {
    // 1664525 * 2^32 is below 2^53, so the product is exact.
    state = (1664525 * state + 1013904223) % 2 ** 32;
    return state / 2 ** 32 - 0.5;
  });
}

/** A model with the weights that `fill` of golden_numbers.py gives these names, its own ones when absent. */
export function goldenModelOf(
  definition: ModelDefinition,
  weights: Iterable<readonly [string, readonly number[]]> = definition.weights,
  nameOf = (name: string) => name,
): BaseModel {
  const tensors = new Map<string, FloatTensor>();
  for (const [name, shape] of weights) {
    const centre = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
    const data = Float32Array.from(stream(name, sizeOf(shape)), (u) => centre + u);
    tensors.set(nameOf(name), { shape, data });
  }
  return makeBaseModel(definition, tensors, "golden model");
}

/** Values of what PEFT trains: 0.4 u. */
export function goldenValues(layout: AdapterLayout): Float32Array {
  const values = new Float32Array(layout.length);
  for (const slot of layout.tensors) {
    slotView(values, slot).set(stream(slot.name, sizeOf(slot.shape)).map((u) => 0.4 * u));
  }
  return values;
}

export const norm = (values: Iterable<number>) => Math.hypot(...values);

/** Expects gradients within 1e-3 of their norm, and `slack`, under the names that PEFT has for them. */
export function expectGradients(
  { tensors }: AdapterLayout,
  gradient: Float32Array,
  golden: GoldenGradients,
  slack = 0,
): void {
  const names = tensors.map(({ name }) => name);
  expect(names.toSorted()).toEqual(Object.keys(golden).toSorted());
  for (const slot of tensors) {
    const expected = golden[slot.name] ?? { norm: 0, dot: 0, first: [] };
    const found = slotView(gradient, slot);
    const bound = 1e-3 * expected.norm + slack;
    expect(Math.abs(norm(found) - expected.norm), slot.name).toBeLessThan(bound);
    for (const [i, value] of expected.first.entries()) {
      expect(Math.abs((found[i] ?? 0) - value), slot.name).toBeLessThan(bound);
    }
    const probe = stream(`probe ${slot.name}`, found.length);
    const dot = found.reduce((sum, g, i) => sum + g * (probe[i] ?? 0), 0);
    expect(Math.abs(dot - expected.dot), slot.name).toBeLessThan(bound);
  }
}
