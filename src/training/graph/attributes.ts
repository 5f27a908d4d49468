import assert from "node:assert/strict";
import type { Value } from "./value.ts";

/** Attribute `name` of a value, a number or a switch read as 0 or 1. */
export function numberOf(value: Value, name: string): number {
  return Number(value.attributes[name]);
}

/** Attribute `name` of a value, a list of numbers. */
export function numbersOf(value: Value, name: string): readonly number[] {
  const attribute = value.attributes[name];
  assert.ok(Array.isArray(attribute), `${value.op} has a list ${name}`);
  return attribute;
}

/** The dimension that a value's `axis` names, counted from the start. */
export function axisOf(value: Value): number {
  const rank = value.shape.length;
  return (numberOf(value, "axis") + rank) % rank;
}
