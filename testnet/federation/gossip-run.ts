import { outerTermsOf, type Updates } from "../../src/consensus/index.ts";
import { type Config, configSchema } from "../../src/node/config/config.ts";
import { requireMode, requireRanks } from "../../src/node/config/mode-of.ts";
import { judgeAndMix } from "../../src/node/peer/judging.ts";
import { moveOn } from "../../src/node/peer/moving-on.ts";
import { Neighbourhoods } from "../../src/node/peer/neighbourhoods.ts";
import { openUpdates } from "../../src/node/peer/ports.ts";
import { mean } from "../../src/node/view/quantities.ts";
import type { Learner, OptimizerState } from "../../src/training/index.ts";
import type { PeerId } from "../../src/types.ts";
import type { RunData } from "../data/run-data.ts";
import type { TestnetOptions } from "../options.ts";
import { trainingConfig } from "../processes/peer-config.ts";
import { ANNOUNCEMENT_BYTES } from "../simulation/wire-times.ts";
import { nameOf, type RoundReached } from "./agreed-run.ts";

/**
 * Mode `gossip` without its network, in this process, one member after the other: learner, updates, gate, rule and outer
 * step are the product's. Every update comes in time, and all members are honest.
 *
 * The loss of a round is the mean of the members', each of its own state.
 *
 * @param learners - Of the peers, in their order; what they have done before does not matter
 */
export async function runGossip(
  options: TestnetOptions,
  { testFile: test, classes }: RunData,
  learners: readonly Learner[],
  onRound: (reached: RoundReached) => void | Promise<void>,
): Promise<void> {
  const config = configSchema.parse({
    ...trainingConfig(options, { train: [], test, classes }),
    gate: { enabled: options.gate },
  });
  const updates = openUpdates(config);
  const members = await openMembers(config, updates, learners);
  let bytesPerPeer = 0;
  for (let round = 0; round < options.rounds; round += 1) {
    bytesPerPeer += await runRound(members, updates, config, round);
    const loss = async () => mean(await lossesOf(members)) ?? Number.NaN;
    await onRound({ round: round + 1, bytesPerPeer, loss });
  }
}

/** @throws KlatchError `usage` where options are none of mode `gossip` */
export function requireGossip(options: TestnetOptions): void {
  const { run, training } = trainingConfig(options, { train: [], test: "", classes: [] });
  const config = configSchema.parse({ run, training });
  requireMode(config.run);
  requireRanks(config);
}

// --- internal ---

interface GossipMember {
  readonly peer: PeerId;
  readonly learner: Learner;
  readonly neighbourhoods: Neighbourhoods;
  adapter: Float32Array;
  optimizer: OptimizerState;
  memory: ReturnType<Updates["begin"]>;
  velocity: Float32Array | null;
  heldOutLoss: number | null;
}

async function openMembers(
  config: Config,
  updates: Updates,
  learners: readonly Learner[],
): Promise<readonly GossipMember[]> {
  const ids = learners.map((_, index) => nameOf({ index }));
  const run = { ...config.run, members: ids };
  return Promise.all(
    learners.map(async (learner, index) => {
      const adapter = await learner.initialAdapter();
      const peer = ids[index] ?? "";
      return {
        ...{ peer, learner, adapter, neighbourhoods: new Neighbourhoods(run, peer) },
        optimizer: learner.initialOptimizer(),
        memory: updates.begin(adapter),
        velocity: null,
        heldOutLoss: null,
      };
    }),
  );
}

/** One round: all train, then each mixes what it reads. Returns what a member has sent to one other. */
async function runRound(
  members: readonly GossipMember[],
  updates: Updates,
  { run, gate }: Config,
  round: number,
): Promise<number> {
  const trained = new Map<PeerId, Float32Array>();
  const told = new Map<PeerId, Float32Array>();
  let bytes = 0;
  for (const member of members) {
    const { adapter, optimizer, learner } = member;
    const result = await learner.train({ adapter, optimizer, round, steps: run.steps });
    const { payload, memory } = updates.offer(member.memory, result.adapter);
    const read = updates.read(memory.reference, payload);
    if (read.verdict === "accept") told.set(member.peer, read.value);
    trained.set(member.peer, result.adapter);
    bytes += payload.length;
    member.optimizer = result.optimizer;
    member.memory = memory;
  }
  for (const member of members) {
    const { learner, neighbourhoods, velocity, adapter: start, peer, memory } = member;
    const { neighbours, shares, attackersMax } = neighbourhoods.at(round);
    const own = trained.get(peer) ?? start;
    const outcome = await judgeAndMix(learner, {
      ...{ round, own, attackersMax, gate, rule: run.rule, heldOutBefore: member.heldOutLoss },
      trained: neighbourhoods.examplesIn(round),
      candidates: neighbours.map((each) => {
        const state = told.get(each);
        return {
          peer: each,
          state: state === undefined ? null : updates.toMix(memory, own, state),
          share: shares.get(each) ?? 0,
          trust: 1,
        };
      }),
    });
    const outer = outerTermsOf(run, "gossip");
    const mixed = { start, own, outcome, velocity };
    Object.assign(member, await moveOn(learner, mixed, { outer, gate }));
  }
  return bytes / members.length + ANNOUNCEMENT_BYTES;
}

async function lossesOf(members: readonly GossipMember[]): Promise<readonly number[]> {
  const losses: number[] = [];
  for (const { learner, adapter } of members) {
    losses.push((await learner.evaluate(adapter, "test")).loss);
  }
  return losses;
}
