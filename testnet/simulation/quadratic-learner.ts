import assert from "node:assert/strict";
import { difference, movedBy } from "../../src/consensus/index.ts";
import type { PeerLearner } from "../../src/node/peer/ports.ts";
import { rankSlices } from "../../src/training/index.ts";
import { createRandom, normal } from "../random.ts";
import type { Life } from "./life.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A task without a model: every peer is drawn to a point of its own, all of them around a common one. */
export interface QuadraticTask {
  readonly seed: number;
  readonly dimensions: number;
  /** Distance of a peer's own point from the common one, per dimension; of several, the peers have one each in turn. */
  readonly heterogeneity: number | readonly number[];
  /** Mean virtual time of a round's training, milliseconds. */
  readonly trainMs: number;
  /** Share of it by which each peer and round differs at most; 0.3 unless said. */
  readonly paceSpread?: number;
  /** Steps of a round; where it is not said, every training takes as long as a round. */
  readonly steps?: number;
  /** Rank of the adapter that the dimensions make; none unless said. */
  readonly rank?: number;
}

/** Who learns it. */
export interface QuadraticPeer {
  readonly index: number;
  readonly time: Pick<VirtualTime, "after" | "now">;
  readonly life: Life;
  /** How many times slower than others. */
  readonly slowness: number;
  /** Slices of the rank that it trains; all unless said. */
  readonly rank?: number;
  /** Whether it trains to the end of what it was asked for, whatever comes meanwhile. */
  readonly isStubborn?: boolean;
}

const RATE = 0.1;
const PACE_SPREAD = 0.3;
const GRADIENT_NOISE = 0.3;
/** A loss that is never nothing, as losses of language are. */
const FLOOR = 0.1;
const JUDGING_MS = 20;
const EXAMPLES = 64;
const BATCH = 8;

/** Half the mean squared distance to a point, and a floor. */
export function quadraticLoss(point: Float32Array, state: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < state.length; i++) sum += ((state[i] ?? 0) - (point[i] ?? 0)) ** 2;
  return FLOOR + sum / (2 * state.length);
}

/** The point that the mean of all peers' points lies near: what a federation should find. */
export function commonPoint({ seed, dimensions }: QuadraticTask): Float32Array {
  return gaussian(createRandom(seed, "common"), dimensions, 1);
}

/** The point that one peer is drawn to. */
export function ownPoint(task: QuadraticTask, index: number): Float32Array {
  const random = createRandom(task.seed, "own", index);
  const distances = [task.heterogeneity].flat();
  const offset = gaussian(random, task.dimensions, distances[index % distances.length] ?? 0);
  return commonPoint(task).map((at, i) => at + (offset[i] ?? 0));
}

/**
 * A learner whose loss is quadratic. Training is a pure function of its request, as a real learner's is; its work takes
 * virtual time.
 */
export function quadraticLearner(task: QuadraticTask, peer: QuadraticPeer): PeerLearner {
  const { seed, dimensions, trainMs, paceSpread = PACE_SPREAD } = task;
  const common = commonPoint(task);
  const own = ownPoint(task, peer.index);
  const layout = layoutOf(task);
  const slices = rankSlices(layout);
  const isWhole = peer.rank === undefined || peer.rank >= (task.rank ?? 0);
  const isOwn = (i: number) => (slices[i] ?? 0) < (peer.rank ?? Number.POSITIVE_INFINITY);
  const after = <T>(ms: number, value: () => T): Promise<T> =>
    new Promise((resolve) => {
      peer.time.after(ms, () => peer.life.run(() => resolve(value())));
    });
  return {
    info: infoOf(layout),
    initialAdapter: async () => new Float32Array(dimensions),
    initialOptimizer: () => ({
      step: 0,
      firstMoment: new Float32Array(0),
      secondMoment: new Float32Array(0),
    }),
    train({ adapter, optimizer, round, steps: asked, onStop, begun }, signal) {
      const pace = createRandom(seed, "pace", peer.index, round);
      const share = asked / (task.steps ?? asked);
      const factor = 1 - paceSpread + 2 * paceSpread * pace();
      const milliseconds = share * trainMs * peer.slowness * factor;
      const since = peer.time.now;
      const resultOf = (steps: number) => {
        const random = createRandom(seed, "noise", peer.index, round);
        // the steps before had their share of it
        for (let drawn = (begun?.steps ?? 0) * dimensions; drawn > 0; drawn--) random();
        const descended = descend(adapter, own, steps, random);
        const state = isWhole
          ? descended
          : adapter.map((at, i) => (isOwn(i) ? (descended[i] ?? 0) : at));
        return {
          adapter: state,
          optimizer: { ...optimizer, step: optimizer.step + steps },
          loss: quadraticLoss(own, state),
          tokens: steps * BATCH,
          positions: steps * BATCH,
          examples: steps * BATCH,
          seconds: (peer.time.now - since) / 1000,
          watch: { average: 0, least: 0, steps: 0 },
        };
      };
      const trained = after(milliseconds, () => resultOf(asked));
      if (signal === undefined || peer.isStubborn) return trained;
      const stopped = stopOf(signal).catch((reason: unknown) => {
        if (onStop !== "keep") throw reason;
        return resultOf(Math.floor((asked * (peer.time.now - since)) / milliseconds));
      });
      return Promise.race([trained, stopped]);
    },
    evaluate: (adapter, set) =>
      after(JUDGING_MS, () => {
        const loss = quadraticLoss(set === "test" ? common : own, adapter);
        return { loss, perplexity: Math.exp(loss), exactMatch: 0, tokens: 1, examples: EXAMPLES };
      }),
    probe: (adapter, candidates, { step }) =>
      after(JUDGING_MS, () => ({
        base: quadraticLoss(own, adapter),
        stepped: candidates.map((candidate) =>
          quadraticLoss(own, movedBy(adapter, difference(candidate, adapter), step)),
        ),
      })),
    planMemory: async () => NO_MEMORY,
    close: async () => undefined,
  };
}

// --- internal ---

/** Rejects when the signal comes. */
function stopOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function gaussian(random: () => number, length: number, deviation: number): Float32Array {
  return Float32Array.from({ length }, () => deviation * normal(random));
}

/** Noisy gradient steps towards a point. */
function descend(
  from: Float32Array,
  point: Float32Array,
  steps: number,
  random: () => number,
): Float32Array {
  const state = from.slice();
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < state.length; i++) {
      const gradient = (state[i] ?? 0) - (point[i] ?? 0) + GRADIENT_NOISE * (2 * random() - 1);
      state[i] = (state[i] ?? 0) - RATE * gradient;
    }
  }
  return state;
}

const NO_MEMORY = {
  rows: 1,
  length: 1,
  weights: 0,
  activations: 0,
  optimiser: 0,
  total: 0,
  available: null,
  rowsThatFit: null,
  recompute: false,
} as const;

const DIGEST = "0".repeat(64);

/** Of a rank, half of the values are rows of a factor A, half columns of a factor B. */
function layoutOf({ dimensions: length, rank }: QuadraticTask): PeerLearner["info"]["layout"] {
  if (rank === undefined) return { tensors: [], length, digest: DIGEST };
  const side = length / (2 * rank);
  assert(Number.isInteger(side), "as many values in each slice of each factor");
  const tensors = [
    { name: "point.lora_A.weight", shape: [rank, side], offset: 0 },
    { name: "point.lora_B.weight", shape: [side, rank], offset: length / 2 },
  ];
  return { tensors, length, digest: DIGEST };
}

function infoOf(layout: PeerLearner["info"]["layout"]): PeerLearner["info"] {
  const summary = { tokens: 0, truncated: 0, skipped: 0, duplicates: 0, notes: [] };
  const some = { ...summary, examples: EXAMPLES };
  return {
    layout,
    exportBytes: Float32Array.BYTES_PER_ELEMENT * layout.length,
    modelDigest: DIGEST,
    modelOrigin: null,
    tokenizerDigest: DIGEST,
    parameters: 0,
    engine: "quadratic",
    passedOver: [],
    classes: null,
    labels: "one",
    data: { train: some, heldOut: some, test: some, testSeenInTraining: 0 },
    dataDigest: DIGEST,
  };
}
