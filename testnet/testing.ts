/**
 * For whoever tests: real nodes in virtual time over a memory network, with attackers or without, and what every `Store` and
 * every `Network` must do. The whole is examples/simulate.ts.
 *
 * ```ts
 * const simulation = new Simulation({
 *   ...{ seed: 1, peers: 50, rounds: 6 },
 *   attacks: { 48: "sign-flip", 49: "equivocate" },
 * });
 * await simulation.run();
 * const { rounds, loss, virtualSeconds, digest } = resultOf(simulation);
 * ```
 *
 * `storeAcceptance` and `networkAcceptance` give cases to any test runner:
 * `for (const { name, run } of storeAcceptance(makeMedium)) test(name, run)`.
 *
 * @packageDocumentation
 */
export type { AcceptanceCase } from "./acceptance/acceptance.ts";
export { type NetworkBench, networkAcceptance } from "./acceptance/network-acceptance.ts";
export { type StoreMedium, storeAcceptance } from "./acceptance/store-acceptance.ts";
export {
  type Attack,
  type Attacker,
  type Collusion,
  type Disguise,
  decorated,
} from "./attacks/attack.ts";
export { ATTACK_NAMES, ATTACKS, type AttackName } from "./attacks/catalogue.ts";
export { type AttackContext, type StateAttack, sending } from "./attacks/sending.ts";
export { createRandom } from "./random.ts";
export { type CrashPoint, PortCalls } from "./simulation/crash-points.ts";
export { clockOf, Life } from "./simulation/life.ts";
export { MemoryWire, type WireConditions } from "./simulation/memory-network.ts";
export { MemoryDisk } from "./simulation/memory-store.ts";
export {
  commonPoint,
  type QuadraticPeer,
  type QuadraticTask,
  quadraticLearner,
  quadraticLoss,
} from "./simulation/quadratic-learner.ts";
export { resultOf, type SimulationResult } from "./simulation/result.ts";
export type { Fault, Scenario } from "./simulation/scenario.ts";
export { SimulatedPeer } from "./simulation/simulated-peer.ts";
export { Simulation } from "./simulation/simulation.ts";
export { VirtualTime } from "./simulation/virtual-time.ts";
