/** Attacks by rules on real training: `klatch testnet matrix`. */
export { gainText, type Matrix, type MatrixCell, nameOf, runMatrix } from "./matrix.ts";
export type { MatrixInput } from "./matrix-options.ts";
export { matrixMarkdown, writeMatrix } from "./matrix-report.ts";
