import {
  type AgreedMemory,
  type AgreedPoint,
  agreedUpdates,
  COMMON_RULES,
  codecByName,
  codecOf,
  firstPoint,
  medianNorm,
  outerStep,
  quorumOf,
  restoredMemory,
} from "../../src/consensus/index.ts";
import type { Learner, OptimizerState } from "../../src/training/index.ts";
import { withLearners } from "../baselines.ts";
import type { RunData } from "../data/run-data.ts";
import type { TestnetOptions } from "../options.ts";

/** An announcement, signature included. */
const ANNOUNCEMENT_BYTES = 233;

/** The end of a round of mode `agreed`. */
export interface RoundReached {
  /** From 1. */
  readonly round: number;
  /** What a member has sent to one other by then: payloads and announcements. */
  readonly bytesPerPeer: number;
  /** Of the agreed state, on the common test set. */
  readonly loss: number;
}

/**
 * Mode `agreed` without its network, in this process: the learner, updates, rule and outer step of the product, one
 * member after the other, every update in the cut and all shares alike.
 */
export function runAgreed(
  options: TestnetOptions,
  data: RunData,
  onRound: (reached: RoundReached) => void = () => undefined,
): Promise<readonly RoundReached[]> {
  const files = data.peers.map(({ dataFile: train }) => {
    return { train, test: data.testFile, classes: data.classes };
  });
  return withLearners(options, files, async (learners) => {
    const reached: RoundReached[] = [];
    for await (const each of roundsOf(options, learners)) {
      reached.push(each);
      onRound(each);
    }
    return reached;
  });
}

// --- internal ---

interface Member {
  readonly learner: Learner;
  memory: AgreedMemory;
  optimizer: OptimizerState;
}

async function* roundsOf(
  options: TestnetOptions,
  learners: readonly Learner[],
): AsyncGenerator<RoundReached> {
  const { agreedRule, outerMomentum, rounds } = options;
  const [judge] = learners;
  if (judge === undefined) return;
  const updates = agreedUpdates(codecByName(codecOf(options)), options);
  const outer = { rate: 1, momentum: outerMomentum };
  let point: AgreedPoint = firstPoint(await judge.initialAdapter(), outer);
  let norm = 0;
  const members = learners.map((learner): Member => {
    const memory = { ...restoredMemory(point.theta), velocity: point.velocity };
    return { learner, memory, optimizer: learner.initialOptimizer() };
  });
  const { faulty: attackersMax } = quorumOf(members.length);
  const shares = members.map(() => 1 / members.length);
  let bytesPerPeer = 0;
  for (let round = 0; round < rounds; round += 1) {
    const read: Float32Array[] = [];
    for (const member of members) {
      read.push(await contribute(member, { updates, norm, round, steps: options.steps }));
    }
    const mix = COMMON_RULES[agreedRule]({ updates: read, shares, attackersMax });
    point = outerStep(point, mix, outer);
    norm = medianNorm(read);
    for (const member of members) member.memory = updates.advance(member.memory, point);
    const { loss } = await judge.evaluate(point.theta, "test");
    bytesPerPeer += updates.payloadBytes(round, point.theta.length) + ANNOUNCEMENT_BYTES;
    yield { round: round + 1, bytesPerPeer, loss };
  }
}

interface OpenRound {
  readonly updates: ReturnType<typeof agreedUpdates>;
  /** Of the updates before. */
  readonly norm: number;
  readonly round: number;
  readonly steps: number;
}

/** Trains a member; returns its update as the others decode it. */
async function contribute(
  member: Member,
  { updates, norm, round, steps }: OpenRound,
): Promise<Float32Array> {
  const { learner, optimizer, memory } = member;
  const adapter = updates.start(memory);
  const trained = await learner.train({ adapter, optimizer, round, steps });
  const made = updates.offer(memory, trained.adapter, { height: round, norm });
  const read = updates.read(made.payload, adapter.length, { height: round, norm });
  if (read.verdict !== "accept") throw new Error(`an own update is ${read.reason}`);
  member.optimizer = trained.optimizer;
  member.memory = updates.settle(memory, made, "counted");
  return read.value.values;
}
