import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { AdapterSettings } from "../../../../src/training/adapters/options.ts";
import type { BaseModel } from "../../../../src/training/base/base-model.ts";
import { sizeOf } from "../../../../src/training/graph/value.ts";
import { slotView } from "../../../../src/training/layout/slots.ts";
import { parseModelConfig } from "../../../../src/training/models/architectures/architectures.ts";
import type { AdapterLayout } from "../../../../src/types.ts";
import { goldenModelOf, stream } from "../models/golden-numbers.ts";

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

/** The base model of a reference. */
export function referenceModel(config: Golden["config"]): BaseModel {
  return goldenModelOf(parseModelConfig(JSON.stringify(config), "config.json"));
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
