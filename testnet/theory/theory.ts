import { chocoRounds } from "./choco.ts";
import { epidemicContraction } from "./epidemic.ts";
import { exactMeanLengths, onePeerExponential, spectralGaps } from "./graphs.ts";
import type { TheoryTable } from "./rows.ts";

/** Its tables by what they are of. */
export const THEORY = {
  gaps: spectralGaps,
  "one-peer": onePeerExponential,
  base: exactMeanLengths,
  epidemic: epidemicContraction,
  choco: chocoRounds,
} as const satisfies Readonly<Record<string, () => TheoryTable>>;

/** What theory says of graphs and of compressed averaging, beside what this code makes of it. */
export function theory(
  names: readonly (keyof typeof THEORY)[] = Object.keys(THEORY) as (keyof typeof THEORY)[],
): readonly TheoryTable[] {
  return names.map((name) => THEORY[name]());
}
