import {
  type AgreedMemory,
  type AgreedPoint,
  type AgreedUpdates,
  type MadeAgreedUpdate,
  restoredMemory,
  type UpdateOutcome,
} from "../../src/consensus/index.ts";
import type { Config } from "../../src/node/config/config.ts";
import { openAgreedUpdates, openUpdates, type PeerPorts } from "../../src/node/peer/ports.ts";
import type { Learner, OptimizerState } from "../../src/training/index.ts";
import type { Collusion } from "../attacks/attack.ts";
import { ATTACKS } from "../attacks/catalogue.ts";
import type { Role } from "../data/run-data.ts";
import { createRandom } from "../random.ts";
import { clockOf, Life } from "../simulation/life.ts";
import { MemoryWire } from "../simulation/memory-network.ts";
import { VirtualTime } from "../simulation/virtual-time.ts";

/** A member of a federation in this process. */
export interface AgreedMember {
  /** Of the peer, in the order of the data. */
  readonly index: number;
  readonly role: Role;
  readonly learner: PeerPorts["learner"];
  /** How it makes updates: an attacker's are another's. */
  readonly updates: AgreedUpdates;
  memory: AgreedMemory;
  optimizer: OptimizerState;
}

/** An honest member, or an attacker behind the disguise that real ones wear. */
export function createMember(
  { index, role, learner }: Pick<AgreedMember, "index" | "role"> & { readonly learner: Learner },
  config: Config,
  { point, collusion }: { readonly point: AgreedPoint; readonly collusion: Collusion },
): AgreedMember {
  const { seed, rounds } = config.run;
  const honest = portsOf(learner, config);
  const random = (round: number) => createRandom(seed, "attack", index, round);
  const isHonest = role === "honest";
  const ports = isHonest ? honest : ATTACKS[role].disguise(honest, { rounds, collusion, random });
  return {
    ...{ index, role, learner: ports.learner, updates: ports.agreedUpdates },
    memory: { ...restoredMemory(point.theta), velocity: point.velocity },
    optimizer: learner.initialOptimizer(),
  };
}

/** Trains for a height; returns what it sends. */
export async function contribute(
  member: AgreedMember,
  {
    height,
    norm,
    steps,
  }: { readonly height: number; readonly norm: number; readonly steps: number },
): Promise<MadeAgreedUpdate> {
  const { learner, updates, optimizer, memory } = member;
  const adapter = updates.start(memory);
  const trained = await learner.train({ adapter, optimizer, round: height, steps });
  member.optimizer = trained.optimizer;
  return updates.offer(memory, trained.adapter, { height, norm });
}

/** Goes on from the state that a height ended with. */
export function goOn(
  member: AgreedMember,
  made: MadeAgreedUpdate,
  outcome: UpdateOutcome,
  point: AgreedPoint,
): void {
  const { updates, memory } = member;
  member.memory = updates.advance(updates.settle(memory, made, outcome), point);
}

// --- internal ---

/** What is said over this network nobody hears: the harness carries updates and ballots. */
function portsOf(learner: Learner, config: Config): PeerPorts {
  const [time, life] = [new VirtualTime(), new Life()];
  const wire = new MemoryWire(time, {
    random: createRandom(config.run.seed, "wire"),
    lossRate: 0,
    isCut: () => false,
  });
  return {
    ...{ learner, network: wire.join("member", life), clock: clockOf(time, life) },
    updates: openUpdates(config),
    agreedUpdates: openAgreedUpdates(config, learner.info.layout),
  };
}
