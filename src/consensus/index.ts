/**
 * The protocol: what happens in a round, how contributions are mixed, who exchanges with whom, and what that tolerates.
 * Pure: no IO, no clock, no randomness of its own.
 *
 * @packageDocumentation
 */

export { algebraicConnectivity, type Certificate, certify } from "./certificate.ts";
export { type RoundTiming, roundTimingSchema } from "./config.ts";
export type * from "./contract.ts";
export type { Contribution, MixInput } from "./mixing/contributions.ts";
export { mix, mixFloat64 } from "./mixing/mix.ts";
export {
  createRound,
  type ResumePoint,
  type RoundConfig,
  type RoundState,
  type RoundView,
} from "./round-state.ts";
export { describe, step } from "./step.ts";
export {
  buildGraph,
  formatTopology,
  type Graph,
  metropolisShares,
  parseTopology,
  type Topology,
} from "./topology.ts";
