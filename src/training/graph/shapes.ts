import assert from "node:assert/strict";
import type { Shape } from "./value.ts";

/** Shape of an elementwise result, with NumPy broadcasting; incompatible shapes are a bug. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    assert.ok(x === y || x === 1 || y === 1, `shapes [${a}] and [${b}] broadcast`);
    return Math.max(x, y);
  });
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

/** The size of dimension `axis`, counted from the end when negative. */
export function dimension(shape: Shape, axis: number): number {
  const size = shape.at(axis);
  assert.ok(size !== undefined, `dimension ${axis} of [${shape}]`);
  return size;
}

/** A copy of `shape` with dimension `axis` replaced. */
export function withDimension(shape: Shape, axis: number, size: number): Shape {
  return shape.map((dimension, i) =>
    i === (axis + shape.length) % shape.length ? size : dimension,
  );
}

/** A part of an axis. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The parts of `length`, of `size` each; the last one is what is left. */
export function spans(length: number, size: number): readonly Span[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => ({
    start: i * size,
    end: Math.min((i + 1) * size, length),
  }));
}
