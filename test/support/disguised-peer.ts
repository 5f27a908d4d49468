import { agreedUpdates, CODECS, differencesToStart } from "../../src/consensus/index.ts";
import type { PeerPorts } from "../../src/node/peer/ports.ts";
import type { Collusion } from "../../testnet/attacks/attack.ts";
import { ATTACKS, type AttackName } from "../../testnet/attacks/catalogue.ts";
import { colluding } from "../../testnet/attacks/collusion.ts";
import { createRandom } from "../../testnet/random.ts";
import { clockOf, Life } from "../../testnet/simulation/life.ts";
import { MemoryWire } from "../../testnet/simulation/memory-network.ts";
import { quadraticLearner } from "../../testnet/simulation/quadratic-learner.ts";
import { VirtualTime } from "../../testnet/simulation/virtual-time.ts";

/** An attacker that acts alone, and sees no more than what it trains. */
export const ALONE: Collusion = colluding({ members: 4, attackers: 1, rule: "mean" });

/** An attacker in a round: training would lead from one state to the other. */
export interface DisguisedRound {
  readonly attack: AttackName;
  readonly before: Float32Array;
  readonly trained: Float32Array;
  readonly collusion?: Collusion;
  readonly seed?: number;
  readonly round?: number;
  readonly ports?: Partial<PeerPorts>;
}

/** Its ports when it has trained, and what it goes on with. */
export async function trainedInDisguise({ attack, seed = 5, round = 3, ...given }: DisguisedRound) {
  const { before, trained, collusion = ALONE } = given;
  const random = () => createRandom(seed);
  const honest = { ...honestPorts(trained), ...given.ports };
  const ports = ATTACKS[attack].disguise(honest, { rounds: 30, collusion, random });
  const optimizer = ports.learner.initialOptimizer();
  const { adapter } = await ports.learner.train({ adapter: before, optimizer, round, steps: 1 });
  return { ports, adapter };
}

// --- internal ---

/** Ports of an honest peer whose training leads to a state. */
function honestPorts(adapter: Float32Array): PeerPorts {
  const [time, life] = [new VirtualTime(), new Life()];
  const wire = new MemoryWire(time, { random: createRandom(1), lossRate: 0, isCut: () => false });
  const task = { seed: 1, dimensions: adapter.length, heterogeneity: 1, trainMs: 1 };
  const learner = quadraticLearner(task, { index: 0, time, life, slowness: 1 });
  const trained = {
    ...{ adapter, loss: 1, tokens: 1, positions: 1, examples: 1, seconds: 1 },
    watch: { average: 1, least: 1, steps: 1 },
  };
  return {
    learner: { ...learner, train: async ({ optimizer }) => ({ ...trained, optimizer }) },
    network: wire.join("me", life),
    clock: clockOf(time, life),
    updates: differencesToStart(CODECS.float32),
    agreedUpdates: agreedUpdates(CODECS.float32),
  };
}
