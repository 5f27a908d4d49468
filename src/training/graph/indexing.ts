import assert from "node:assert/strict";
import { dimension } from "./shapes.ts";
import type { Value } from "./value.ts";

/** Rows `indices` (i64, any shape) of a matrix [rows, width]: shape [...indices, width]. */
export function gatherRows(table: Value, indices: Value): Value {
  assert.equal(table.shape.length, 2, "a matrix");
  assert.equal(indices.dtype, "i64");
  return table.graph.value({
    op: "gatherRows",
    inputs: [table, indices],
    shape: [...indices.shape, dimension(table.shape, 1)],
    dtype: table.dtype,
    vjp: (g) => [scatterAddRows(g, indices, dimension(table.shape, 0)), undefined],
  });
}

/** A zero matrix [rows, width] with row `indices[i]` increased by `x[i]`: the adjoint of `gatherRows`. */
export function scatterAddRows(x: Value, indices: Value, rows: number): Value {
  return x.graph.value({
    op: "scatterAddRows",
    inputs: [x, indices],
    shape: [rows, dimension(x.shape, -1)],
    dtype: x.dtype,
    attributes: { rows },
    vjp: (g) => [gatherRows(g, indices), undefined],
  });
}

/** Element `columns[i]` of row i of a matrix: [rows, columns] and i64 [rows, 1] give [rows, 1]. */
export function pickColumns(x: Value, columns: Value): Value {
  assert.equal(x.shape.length, 2, "a matrix");
  assert.equal(columns.dtype, "i64");
  return x.graph.value({
    op: "pickColumns",
    inputs: [x, columns],
    shape: columns.shape,
    dtype: x.dtype,
    vjp: (g) => [placeColumns(g, columns, dimension(x.shape, 1)), undefined],
  });
}

/** A zero matrix of `width` columns with `x[i]` at column `columns[i]` of row i: the adjoint of `pickColumns`. */
export function placeColumns(x: Value, columns: Value, width: number): Value {
  return x.graph.value({
    op: "placeColumns",
    inputs: [x, columns],
    shape: [dimension(x.shape, 0), width],
    dtype: x.dtype,
    attributes: { width },
    vjp: (g) => [pickColumns(g, columns), undefined],
  });
}
