import { codecByName, type RoundGraph } from "../../src/consensus/index.ts";
import type { Random } from "../../src/random.ts";
import { createRandom, normal } from "../random.ts";
import { planOf } from "./graphs.ts";
import { row, type TheoryRow, type TheoryTable } from "./rows.ts";

const VALUES = 2000;
/** One per cent of them. */
const TOLD = 20;
const SEED = 0;
/** Starts differ: so much of a number of rounds, and two rounds in any case. */
const OF_THE_START = 0.04;
const ROUNDS_OF_THE_START = 2;
/** A disagreement so many times that of the start only grows. */
const DIVERGED = 1e3;

/** Writes what a peer tells of the difference between its state and what others know of it in place of that. */
type Compress = (difference: Float64Array, random: Random) => void;

interface Case {
  readonly name: string;
  readonly topology: string;
  readonly compress: Compress;
  readonly gamma: number;
  /** Relative squared errors, and rounds until they are reached. */
  readonly rounds: readonly (readonly [error: number, rounds: number])[];
}

const TO: readonly number[] = [1e-2, 1e-4, 1e-8];
const until = (...rounds: readonly number[]) =>
  rounds.map((each, at) => [TO[at] ?? 0, each] as const);

const CASES: readonly Case[] = [
  { name: "exact", topology: "ring", compress: exact, gamma: 1, rounds: until(51, 160, 377) },
  {
    name: "QSGD 256",
    topology: "ring",
    compress: qsgd(256),
    gamma: 1,
    rounds: until(51, 160, 377),
  },
  {
    name: "int8 of this code",
    topology: "ring",
    compress: int8,
    gamma: 1,
    rounds: until(51, 160, 377),
  },
  {
    name: "QSGD 16",
    topology: "ring",
    compress: qsgd(16),
    gamma: 0.34,
    rounds: until(150, 466, 1097),
  },
  {
    name: "top 1 %",
    topology: "ring",
    compress: top,
    gamma: 0.046,
    rounds: until(1138, 3485, 8182),
  },
  { name: "top 1 %", topology: "ring", compress: top, gamma: 0.02, rounds: until(2540, 7977) },
  {
    name: "rand 1 %",
    topology: "ring",
    compress: rand,
    gamma: 0.011,
    rounds: [
      [1e-2, 4651],
      [3.1e-4, 12_000],
    ],
  },
  { name: "exact", topology: "torus", compress: exact, gamma: 1, rounds: until(5, 12, 26) },
  { name: "exact", topology: "exponential", compress: exact, gamma: 1, rounds: until(3, 6, 13) },
  { name: "exact", topology: "full", compress: exact, gamma: 1, rounds: until(1) },
  { name: "top 1 %", topology: "full", compress: top, gamma: 0.02, rounds: until(192) },
];

const DIVERGING = [
  { name: "top 1 %", compress: top, gamma: 0.1 },
  { name: "top 1 %", compress: top, gamma: 0.2 },
  { name: "rand 1 %", compress: rand, gamma: 0.02 },
];

/** Rounds of CHOCO-Gossip to a relative squared error, of 25 peers with 2,000 normal values each. */
export function chocoRounds(): TheoryTable {
  return {
    name: "rounds of CHOCO-Gossip, n 25",
    source: "Koloskova et al. 2019, measured; 0 rounds where it grows without end",
    rows: [...CASES.flatMap(rowsOf), ...DIVERGING.map(rowOfDiverging)],
  };
}

/** Rounds until each of these relative squared errors, the largest first; none for those after which it diverged. */
export function roundsTo(
  errors: readonly number[],
  graph: RoundGraph,
  compress: Compress,
  gamma: number,
): readonly number[] {
  const random = createRandom(SEED, "choco");
  const states = graph.map(() => Float64Array.from({ length: VALUES }, () => normal(random)));
  const known = graph.map(() => new Float64Array(VALUES));
  const mean = states.reduce(
    (sum, state) => sum.map((value, i) => value + (state[i] ?? 0) / graph.length),
    new Float64Array(VALUES),
  );
  const start = disagreement(states, mean);
  const reached: number[] = [];
  for (let round = 1; reached.length < errors.length; round++) {
    tell(states, known, compress, random);
    approach(states, known, graph, gamma);
    const error = disagreement(states, mean) / start;
    if (!(error < DIVERGED)) break;
    while (error <= (errors[reached.length] ?? -1)) reached.push(round);
  }
  return reached;
}

// --- internal ---

function rowsOf({ name, topology, compress, gamma, rounds }: Case): readonly TheoryRow[] {
  const errors = rounds.map(([error]) => error);
  const reached = roundsTo(errors, planOf(topology, 25).at(0), compress, gamma);
  return rounds.map(([error, expected], at) => {
    const chance = Math.max(ROUNDS_OF_THE_START, OF_THE_START * expected);
    const quantity = `${topology}, ${name}, gamma ${gamma}, to ${error}`;
    return row(quantity, expected, reached[at] ?? 0, expected < 10 ? 1 : chance);
  });
}

function rowOfDiverging({ name, compress, gamma }: (typeof DIVERGING)[number]): TheoryRow {
  const [rounds = 0] = roundsTo([1e-2], planOf("ring", 25).at(0), compress, gamma);
  return row(`ring, ${name}, gamma ${gamma}, to 0.01`, 0, rounds, 0);
}

/** Each tells the others what they do not know of it. */
function tell(
  states: readonly Float64Array[],
  known: readonly Float64Array[],
  compress: Compress,
  random: Random,
): void {
  const difference = new Float64Array(VALUES);
  for (const [place, state] of states.entries()) {
    const replica = known[place] as Float64Array;
    for (let i = 0; i < VALUES; i++) difference[i] = (state[i] as number) - (replica[i] as number);
    compress(difference, random);
    for (let i = 0; i < VALUES; i++)
      replica[i] = (replica[i] as number) + (difference[i] as number);
  }
}

/** Each moves by what is known of the others and of itself. */
function approach(
  states: readonly Float64Array[],
  known: readonly Float64Array[],
  graph: RoundGraph,
  gamma: number,
): void {
  for (const [place, state] of states.entries()) {
    const own = known[place] as Float64Array;
    for (const [other, share] of graph[place] ?? []) {
      const theirs = known[other] as Float64Array;
      for (let i = 0; i < state.length; i++) {
        state[i] =
          (state[i] as number) + gamma * share * ((theirs[i] as number) - (own[i] as number));
      }
    }
  }
}

function disagreement(states: readonly Float64Array[], mean: Float64Array): number {
  let sum = 0;
  for (const state of states) {
    for (let i = 0; i < state.length; i++) sum += ((state[i] as number) - (mean[i] as number)) ** 2;
  }
  return sum;
}

function exact(): void {}

/** The codec that updates travel in. */
function int8(difference: Float64Array): void {
  const codec = codecByName("int8");
  const decoded = codec.decode(codec.encode(Float32Array.from(difference)), difference.length);
  if (decoded.ok) difference.set(decoded.values);
}

/** Stochastic levels of the norm, scaled down so that it contracts (Alistarh et al. 2017; CHOCO's Qsgd). */
function qsgd(levels: number): Compress {
  return (difference, random) => {
    const { length } = difference;
    const scale = 1 + Math.min(length / levels ** 2, Math.sqrt(length) / levels);
    const norm = Math.sqrt(difference.reduce((sum, value) => sum + value * value, 0));
    if (norm === 0) return;
    for (let i = 0; i < length; i++) {
      const value = difference[i] as number;
      const level = Math.floor((levels * Math.abs(value)) / norm + random());
      difference[i] = (Math.sign(value) * norm * level) / (levels * scale);
    }
  };
}

/** The largest, exactly; the rest is not told. */
function top(difference: Float64Array): void {
  // ascending
  const largest = new Float64Array(TOLD);
  for (let i = 0; i < difference.length; i++) {
    const size = Math.abs(difference[i] as number);
    if (size <= (largest[0] as number)) continue;
    let at = 0;
    for (; at + 1 < TOLD && (largest[at + 1] as number) < size; at++) {
      largest[at] = largest[at + 1] as number;
    }
    largest[at] = size;
  }
  const [least = 0] = largest;
  for (let i = 0; i < difference.length; i++) {
    if (Math.abs(difference[i] as number) < least) difference[i] = 0;
  }
}

/** Some of them by chance, exactly. */
function rand(difference: Float64Array, random: Random): void {
  const told = new Set<number>();
  while (told.size < TOLD) told.add(Math.floor(random() * difference.length));
  for (let i = 0; i < difference.length; i++) if (!told.has(i)) difference[i] = 0;
}
