import type { LinearLayer } from "./definition.ts";

/** The squared norm of each output's row of a layer's matrix, summed in float64. */
export function rowSquares(
  matrix: Float32Array,
  { inputs, outputs, inputsFirst }: Pick<LinearLayer, "inputs" | "outputs" | "inputsFirst">,
): Float64Array {
  const squares = new Float64Array(outputs);
  for (let i = 0; i < matrix.length; i += 1) {
    const output = inputsFirst ? i % outputs : Math.floor(i / inputs);
    squares[output] = (squares[output] ?? 0) + (matrix[i] ?? 0) ** 2;
  }
  return squares;
}
