import { symmetricEigenvalues } from "./eigenvalues.ts";
import type { RoundGraph } from "./round-graph.ts";

/**
 * How far rounds are from averaging exactly: the spectral norm of P - J, where P is the product of their matrices and
 * J has 1/n everywhere. It bounds what is left of any disagreement; of one round, 1 minus it is the spectral gap.
 *
 * @param rounds - the first first, all over the same peers
 */
export function distanceFromMean(rounds: readonly RoundGraph[]): number {
  const count = rounds[0]?.length ?? 0;
  const deviation = mixingMatrix(rounds).map((row) => row.map((value) => value - 1 / count));
  const gram = deviation.map((a) => deviation.map((b) => dot(a, b)));
  const largest = symmetricEigenvalues(gram, [count - 1])[0] ?? 0;
  return Math.sqrt(Math.max(0, largest));
}

/** The matrix by which rounds multiply the peers' states, own shares on the diagonal. */
export function mixingMatrix(rounds: readonly RoundGraph[]): readonly Float64Array[] {
  const count = rounds[0]?.length ?? 0;
  let product = Array.from({ length: count }, (_, i) => {
    const row = new Float64Array(count);
    row[i] = 1;
    return row;
  });
  for (const graph of rounds) {
    const before = product;
    product = graph.map((shares, place) => {
      const row = new Float64Array(count);
      let own = 1;
      for (const [other, share] of shares) {
        own -= share;
        addTo(row, before[other], share);
      }
      addTo(row, before[place], own);
      return row;
    });
  }
  return product;
}

// --- internal ---

function addTo(sum: Float64Array, row: Float64Array | undefined, share: number): void {
  for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] ?? 0) + share * (row?.[i] ?? 0);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
