import { largestOf } from "../../attacks/line-search.ts";
import { deviationOf, dot, meanOf, plus, type Row } from "../../attacks/statistics.ts";
import { FIEDLER, NEIGHBOURS } from "./two-worlds.ts";

/** A line that an attacker's vector lies on: `from + c · way`. */
interface Line {
  readonly from: Row;
  readonly way: Row;
}

/** To each victim another vector, which needs equivocation. */
export const EQUIVOCATING = {
  /** arXiv 1902.06156. */
  ALIE: (honest) => ({ from: meanOf(honest), way: deviationOf(honest) }),
  /** arXiv 1903.03936, from where the victim stands. */
  FOE: (honest, victim) => ({ from: at(honest, victim), way: meanOf(honest) }),
  /** Away from the victim's neighbours (arXiv 2202.01545). */
  Dissensus: (honest, victim) => {
    const own = at(honest, victim);
    const neighbours = (NEIGHBOURS[victim] ?? []).map((other) => at(honest, other));
    return { from: own, way: plus(own, -1, meanOf(neighbours)) };
  },
  /** The two worlds apart (spectral heterogeneity, arXiv 2410.10418). */
  SpH: (honest, victim) => ({
    from: at(honest, victim),
    way: plus(zeroOf(honest), FIEDLER[victim] ?? 0, worldsApart(honest)),
  }),
} as const satisfies Record<string, (honest: readonly Row[], victim: number) => Line>;

/** To everybody the same vector: what is left where announcements commit to one. */
export const COMMON = {
  ALIE: (honest) => ({ from: meanOf(honest), way: deviationOf(honest) }),
  FOE: (honest) => ({ from: meanOf(honest), way: meanOf(honest) }),
  /** Along the largest variance. */
  PC: (honest) => ({ from: meanOf(honest), way: principalOf(honest) }),
  SpHc: (honest) => ({ from: meanOf(honest), way: worldsApart(honest) }),
} as const satisfies Record<string, (honest: readonly Row[]) => Line>;

/**
 * One vector for each attacker, one after the other: the one that does most harm beside those before it, on either
 * side of the line.
 *
 * @param harm - what these vectors do together
 */
export function chosenInTurn(
  { from, way }: Line,
  attackers: number,
  harm: (sent: readonly Float64Array[]) => number,
): readonly Float64Array[] {
  const sent: Float64Array[] = [];
  for (let place = 0; place < attackers; place++) {
    const [there, back] = [1, -1].map((side) => {
      const vector = (c: number) => plus(from, side * c, way);
      const measure = (c: number) => harm([...sent, vector(c)]);
      const best = vector(largestOf(measure, SEARCH));
      return { best, harm: harm([...sent, best]) };
    });
    if (there === undefined || back === undefined) throw new Error("a line has two sides");
    sent.push(there.harm >= back.harm ? there.best : back.best);
  }
  return sent;
}

/** The vector on a line that does most harm to one victim. */
export function mostHarmfulOn(
  { from, way }: Line,
  harm: (sent: Float64Array) => number,
): Float64Array {
  return plus(
    from,
    largestOf((c) => harm(plus(from, c, way)), SEARCH),
    way,
  );
}

// --- internal ---

/** As in LPD-EPFL/robust-collaborative-learning. */
const SEARCH = { evaluations: 16, firstStep: 1 };
/** Towards the largest variance. */
const POWER_STEPS = 50;

function worldsApart(honest: readonly Row[]): Float64Array {
  return honest.reduce<Float64Array>(
    (sum, row, peer) => plus(sum, FIEDLER[peer] ?? 0, row),
    zeroOf(honest),
  );
}

function principalOf(honest: readonly Row[]): Float64Array {
  const mean = meanOf(honest);
  const off = honest.map((row) => plus(row, -1, mean));
  // no start of equal parts, to which the variance could be at right angles
  let way = Float64Array.from(mean, (_, k) => k + 1);
  for (let step = 0; step < POWER_STEPS; step++) {
    const next = off.reduce<Float64Array>(
      (sum, row) => plus(sum, dot(row, way), row),
      zeroOf(honest),
    );
    const length = Math.sqrt(dot(next, next));
    if (length === 0) break;
    way = next.map((each) => each / length);
  }
  return way;
}

function zeroOf(rows: readonly Row[]): Float64Array {
  return new Float64Array(rows[0]?.length ?? 0);
}

function at(rows: readonly Row[], place: number): Row {
  const row = rows[place];
  if (row === undefined) throw new Error(`there is no row ${place}`);
  return row;
}
