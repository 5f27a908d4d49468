import type { RoundGraph } from "../../src/consensus/index.ts";
import { type Random, shuffled } from "../../src/random.ts";
import { createRandom, normal } from "../random.ts";
import { planOf } from "./graphs.ts";
import { decimalsOf, row, type TheoryRow, type TheoryTable } from "./rows.ts";

const ROUNDS = 500;
/** Values that peers average at once: each is a sample of its own. */
const VALUES = 8;
/** Of the mean of so many samples, relative: five standard errors or so. */
const SAMPLED = 0.01;

/** How much of the variance one round of epidemic learning leaves. */
export function epidemicContraction(): TheoryTable {
  const given = [
    [96, 1, 0.4947, 0.6274],
    [96, 7, 0.1158, 0.1322],
    [64, 6, 0.1293, 0.1505],
  ] as const;
  return {
    name: "variance left by an epidemic round",
    source:
      "de Vos et al. 2023: EL-Oracle, which is epidemic:S here, and EL-Local, which is not a topology here",
    rows: given.flatMap(([count, degree, oracle, local]) => {
      const plan = planOf(`epidemic:${degree}`, count);
      const oracleRound = (round: number) => plan.at(round);
      const localRound = (round: number) => localGraph(count, degree, createRandom(round, "local"));
      const of = `n ${count}, s ${degree}`;
      return [
        ...rows(`oracle, ${of}`, oracle, oracleLeft(count, degree), oracleRound),
        ...rows(`local, ${of}`, local, localLeft(count, degree), localRound),
      ];
    }),
  };
}

// --- internal ---

/** The formula against its printed value, and rounds of the code against the formula. */
function rows(
  name: string,
  printed: number,
  formula: number,
  graphOf: (round: number) => RoundGraph,
): readonly TheoryRow[] {
  const sampled = varianceLeft(graphOf);
  return [
    row(`${name}: formula`, printed, formula, decimalsOf(4)),
    row(`${name}: ${ROUNDS} rounds`, formula, sampled, SAMPLED * formula),
  ];
}

function oracleLeft(count: number, degree: number): number {
  return (1 / (degree + 1)) * (1 - degree / (count - 1));
}

function localLeft(count: number, degree: number): number {
  return (1 - (1 - degree / (count - 1)) ** count) / degree - 1 / (count - 1);
}

/** Everybody sends to `degree` others of its own choice, and takes the mean of what it has and got. */
function localGraph(count: number, degree: number, random: Random): RoundGraph {
  const got: number[][] = Array.from({ length: count }, () => []);
  for (let from = 0; from < count; from++) {
    const others = [...Array(count).keys()].filter((other) => other !== from);
    for (const to of shuffled(others, random).slice(0, degree)) got[to]?.push(from);
  }
  return got.map((from) => new Map(from.map((other) => [other, 1 / (from.length + 1)])));
}

/** Mean of sum |x' - mean(x)|² over sum |x - mean(x)|², of peers that begin anew in every round. */
function varianceLeft(graphOf: (round: number) => RoundGraph): number {
  let [left, before] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const graph = graphOf(round);
    const random = createRandom(round, "values");
    for (let value = 0; value < VALUES; value++) {
      const x = centred(graph.map(() => normal(random)));
      for (const [place, shares] of graph.entries()) {
        const own = x[place] ?? 0;
        let mixed = own;
        for (const [other, share] of shares) mixed += share * ((x[other] ?? 0) - own);
        left += mixed * mixed;
        before += own * own;
      }
    }
  }
  return left / before;
}

function centred(values: readonly number[]): readonly number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}
