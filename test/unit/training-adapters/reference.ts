import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { AdapterSettings } from "../../../src/training/adapters/options.ts";
import { slotView } from "../../../src/training/adapters/slots.ts";
import {
  type BaseModel,
  type BaseTensor,
  makeBaseModel,
} from "../../../src/training/files/base-model.ts";
import { sizeOf } from "../../../src/training/graph/value.ts";
import { parseModelConfig } from "../../../src/training/models/architectures.ts";
import type { AdapterLayout } from "../../../src/types.ts";

/** What PEFT computed; see test/fixtures/adapters/make.py. */
export interface Golden {
  readonly settings: AdapterSettings;
  readonly config: Readonly<Record<string, unknown>>;
  readonly ids: readonly number[];
  readonly loss: number;
  readonly logits: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

export function readGolden(name: string): Golden {
  return JSON.parse(readFileSync(`test/fixtures/adapters/${name}.json`, "utf8"));
}

/** The stream of a tensor, as the script makes it: numbers in [-0.5, 0.5). */
function stream(name: string, count: number): Float64Array {
  let state = 2166136261;
  for (const byte of Buffer.from(name)) state = Math.imul(state ^ byte, 16777619) >>> 0;
  return Float64Array.from({ length: count }, () => {
    // 1664525 * 2^32 is below 2^53, so the product is exact.
    state = (1664525 * state + 1013904223) % 2 ** 32;
    return state / 2 ** 32 - 0.5;
  });
}

/** The base model of a reference. */
export function referenceModel(config: Golden["config"]): BaseModel {
  const definition = parseModelConfig(JSON.stringify(config), "config.json");
  const tensors = new Map<string, BaseTensor>();
  for (const [name, shape] of definition.weights) {
    const offset = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
    const data = Float32Array.from(stream(name, sizeOf(shape)), (u) => offset + u);
    tensors.set(name, { shape, data });
  }
  return makeBaseModel(definition, tensors, "reference model");
}

/** The reference's values for an adapter whose slots have the names of PEFT's file. */
export function referenceValues(layout: AdapterLayout): Float32Array {
  const values = new Float32Array(layout.length);
  for (const slot of layout.tensors) {
    const offset = /(ia3_l|lora_magnitude_vector)$/.test(slot.name) ? 1 : 0;
    const numbers = stream(slot.name, sizeOf(slot.shape));
    slotView(values, slot).set(numbers.map((u) => offset + 0.4 * u));
  }
  return values;
}

/** The greatest difference, relative to the greatest of the expected numbers. */
export function relativeError(found: ArrayLike<number>, expected: readonly number[]): number {
  assert.equal(found.length, expected.length, "as many numbers as expected");
  const size = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((x, i) => Math.abs((found[i] ?? Number.NaN) - x))) / size;
}
