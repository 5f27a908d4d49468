/**
 * The protocol: what happens in a round, how contributions are mixed, who exchanges with whom, and what that tolerates.
 * Pure: no IO, no clock, no randomness of its own.
 *
 * @packageDocumentation
 */

export { consensusTerms } from "./config.ts";
export { algebraicConnectivity, type Certificate, certify } from "./graph/certificate.ts";
export { parseRosterChange, Roster, type RosterChange } from "./graph/roster.ts";
export {
  buildGraph,
  formatTopology,
  type Graph,
  metropolisShares,
  parseTopology,
  type Topology,
} from "./graph/topology.ts";
export { type AdoptionCandidate, adoptedState } from "./mixing/adoption.ts";
export type { Contribution, MixInput } from "./mixing/contributions.ts";
export { mix, mixFloat64 } from "./mixing/mix.ts";
export { type Candidate, sharesOf, usable } from "./mixing/shares.ts";
export {
  AnnouncementBook,
  type Equivocation,
  type RunTerms,
  type Signed,
} from "./round/announcement-book.ts";
export { type RoundTiming, roundTimingSchema } from "./round/config.ts";
export type * from "./round/contract.ts";
export { describe, step } from "./round/gossip/step.ts";
export {
  createRound,
  type Neighbourhood,
  type ResumePoint,
  type RoundConfig,
  type RoundState,
  type RoundView,
} from "./round/round-state.ts";
export {
  CODEC_NAMES,
  CODEC_NUMBERS,
  type Codec,
  type CodecName,
  type Decoded,
} from "./update/codecs/codec.ts";
export { CODECS, codecByName } from "./update/codecs/codecs.ts";
export {
  differencesToStart,
  type KeptArrays,
  type MadeUpdate,
  type ReadUpdate,
  type UpdateMemory,
  type Updates,
} from "./update/updates.ts";
