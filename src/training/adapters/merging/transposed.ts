/** A row-major matrix with `columns` columns, the other way round. */
export function transposed(matrix: Float32Array, columns: number): Float32Array {
  const rows = matrix.length / columns;
  const result = new Float32Array(matrix.length);
  for (let row = 0, at = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, at += 1) {
      result[column * rows + row] = matrix[at] ?? 0;
    }
  }
  return result;
}
