/**
 * The protocol: what happens in a round, how contributions are mixed, who exchanges with whom, and what that tolerates.
 * Pure: no IO, no clock, no randomness of its own.
 *
 * @packageDocumentation
 */

export { codecOf, consensusTerms, outerTermsOf } from "./config.ts";
export {
  algebraicConnectivity,
  type Certificate,
  certify,
  certifyNothing,
} from "./graph/certificate.ts";
export { distanceFromMean, mixingMatrix } from "./graph/distance-from-mean.ts";
export { buildGraph, type Graph, metropolisShares } from "./graph/fixed-graph.ts";
export { MixingPlan, sequenceOf } from "./graph/mixing-plan.ts";
export { parseRosterChange, Roster, type RosterChange } from "./graph/roster.ts";
export type { RoundGraph } from "./graph/round-graph.ts";
export {
  degreeOf,
  formatTopology,
  isVarying,
  parseTopology,
  TOPOLOGY,
  TOPOLOGY_FORMS,
  type Topology,
} from "./graph/topology.ts";
export { type AdoptionCandidate, adoptedState } from "./mixing/adoption.ts";
export { mixedByRank, type RankedSet, rankMixed } from "./mixing/common/by-rank.ts";
export { type CommonSet, medianOf, normOf } from "./mixing/common/common-set.ts";
export {
  COMMON_RULE_NAMES,
  COMMON_RULES,
  type CommonRule,
  type CommonRuleName,
} from "./mixing/common/rules.ts";
export { sampleSet } from "./mixing/common/sample.ts";
export type { Contribution, MixInput, Vector } from "./mixing/contributions.ts";
export {
  ROUNDS_REMEMBERED,
  type Sent,
  sampled,
  UNLEARNT,
  type Unlearnt,
  unlearnt,
} from "./mixing/learnt.ts";
export { mix, mixFloat64 } from "./mixing/mix.ts";
export {
  type AgreedPoint,
  firstPoint,
  type OuterTerms,
  outerStep,
} from "./mixing/outer-step.ts";
export { type Candidate, sharesOf, usable } from "./mixing/shares.ts";
export {
  type AgreedConfig,
  type AgreedResume,
  type AgreedState,
  type ChainHead,
  createAgreed,
  genesis,
  ownPlace,
} from "./round/agreed/agreed-state.ts";
export { type BlockGround, blockFault } from "./round/agreed/blocks.ts";
export { headAfter } from "./round/agreed/concluding.ts";
export type {
  AgreedEffect,
  AgreedEvent,
  AgreedTimer,
  Computed,
  Link,
} from "./round/agreed/contract.ts";
export { ballotsHolding, type CutGround, cutOf } from "./round/agreed/cut.ts";
export { type AgreedView, describeAgreed, phaseOf } from "./round/agreed/describe.ts";
export {
  type ChangeGround,
  changesFault,
  peersAfter,
  successorsIn,
} from "./round/agreed/membership/changes.ts";
export {
  type Decided,
  type DecisionGround,
  decidedAfter,
  decisionFault,
  rollbackOf,
  stepsOf,
  UNDECIDED,
} from "./round/agreed/membership/decided.ts";
export { areContradictory } from "./round/agreed/membership/evidence.ts";
export { type MakeMembers, type Members, placesOf } from "./round/agreed/membership/members.ts";
export { evictedBy, membersAfter } from "./round/agreed/membership/succeeding.ts";
export {
  type AnnouncedPayload,
  type Ballot,
  type Block,
  type BlockBallot,
  type BlockPayload,
  type Certificate as QuorumCertificate,
  type ChangeKind,
  type Contradiction,
  type Decision,
  type HeightName,
  type HeldPayload,
  isSound,
  type List,
  OPINIONS,
  type Opinion,
  type Proposal,
  type Rollback,
  type RosterChange as SignedRosterChange,
  type Said,
  type Setting,
  type SignedStatement,
  type Statement,
  type Testimony,
  VOTE_KINDS,
  type Vote,
  type VoteKind,
} from "./round/agreed/messages.ts";
export { type Quorum, quorumOf } from "./round/agreed/quorum.ts";
export { sharesOfCut } from "./round/agreed/standings.ts";
export { stepAgreed } from "./round/agreed/step.ts";
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
  byPeer,
  createRound,
  type Neighbourhood,
  type ResumePoint,
  type RoundConfig,
  type RoundState,
  type RoundView,
} from "./round/round-state.ts";
export {
  type AgreedMemory,
  type AgreedUpdates,
  agreedUpdates,
  type FeedbackTerms,
  keptMemory,
  type MadeAgreedUpdate,
  type OwnRank,
  restoredMemory,
  type SoundUpdate,
  type UpdateGround,
  type UpdateOutcome,
} from "./update/agreed-updates.ts";
export {
  CODEC_NAMES,
  CODEC_NUMBERS,
  CODECS_WITH_FEEDBACK,
  type Codec,
  type CodecName,
  type Decoded,
} from "./update/codecs/codec.ts";
export { CODECS, codecByName } from "./update/codecs/codecs.ts";
export { Ranks } from "./update/ranks.ts";
export { difference, movedBy } from "./update/state-difference.ts";
export { differencesToTracks } from "./update/tracks.ts";
export {
  differencesToStart,
  type KeptArrays,
  type MadeUpdate,
  type UpdateMemory,
  type Updates,
} from "./update/updates.ts";
