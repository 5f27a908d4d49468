import type { Digest, PeerId, Timestamp } from "../../../types.ts";
import { type AgreedState, ownPlace, type Silence } from "./agreed-state.ts";
import { awaitedAnnouncers, awaitedServers } from "./awaited.ts";
import type { Decided } from "./membership/decided.ts";
import { proposerOf, viewOf } from "./simplex-state.ts";

/** What `status` shows of the protocol. */
export interface AgreedView {
  readonly phase: "train" | "commit" | "fetch" | "vote" | "done";
  readonly round: number;
  readonly waitingFor: readonly PeerId[];
  readonly deadline: Timestamp | null;
  readonly announced: readonly PeerId[];
  readonly view: number;
  readonly proposer: PeerId | null;
  readonly ballots: number;
  /** Of the view, of the kind that has most. */
  readonly votes: number;
  readonly quorum: number;
  /** Final blocks, and the digest of the newest; the run id before the first. */
  readonly blocks: number;
  readonly head: Digest;
  /** Whether this node is a member of the height. */
  readonly member: boolean;
  /** Changes of the roster and decisions that wait for a block, and members that have contradicted themselves. */
  readonly changes: number;
  /** What the members have decided about the run. */
  readonly decided: Decided;
  readonly contradicted: readonly PeerId[];
  /** Why this node signs nothing, with the answers that it waits for; null when it does. */
  readonly silence: (Pick<Silence, "lack" | "until"> & AnswerCount) | null;
  /** When voting on the height began; null before. */
  readonly votingAt: Timestamp | null;
}

/** Of members that are asked what they hold. */
interface AnswerCount {
  readonly answers: number;
  readonly needed: number;
}

/** A state for people. */
export function describeAgreed(state: AgreedState): AgreedView {
  const { height, head, timers } = state;
  const { simplex } = height;
  const peersOf = (places: readonly number[]) =>
    places.map((place) => head.members.peers[place]).filter((peer) => peer !== undefined);
  const phase = phaseOf(state);
  const { notarize, finalize } = viewOf(simplex, simplex.view);
  const timer = { train: null, commit: "list", fetch: "fetch", vote: "view", done: null } as const;
  const name = timer[phase];
  return {
    phase,
    round: head.height,
    waitingFor: peersOf(waitingFor(state, phase)),
    deadline: name === null ? null : (timers.get(name) ?? null),
    announced: peersOf([...height.arrivals.keys()]),
    view: simplex.view,
    proposer: head.members.peers[proposerOf(simplex, simplex.view)] ?? null,
    ballots: height.ballots.size,
    votes: Math.max(notarize.size, finalize.size),
    quorum: simplex.quorum.size,
    blocks: head.height,
    head: head.parent,
    member: ownPlace(state) >= 0,
    changes: state.changes.length + state.decisions.length,
    decided: head.decided,
    contradicted: [...state.evidence.keys()],
    silence: silenceOf(state),
    votingAt: height.votingAt,
  };
}

/** What a node does now. */
export function phaseOf({ phase, height, training }: AgreedState): AgreedView["phase"] {
  if (phase === "done") return "done";
  if (height.simplex.viewAt !== null) return "vote";
  if (height.isOpen) return "fetch";
  // who trains on without a quorum has announced, and waits for others
  return training.phase === "running" && height.payload === null ? "train" : "commit";
}

// --- internal ---

function silenceOf({ silence, height, phase }: AgreedState): AgreedView["silence"] {
  if (silence === null || phase === "done") return null;
  const { lack, until, answers } = silence;
  return { lack, until, answers: answers.size, needed: height.simplex.quorum.size - 1 };
}

function waitingFor(state: AgreedState, phase: AgreedView["phase"]): readonly number[] {
  const self = ownPlace(state);
  const { ballots, simplex, lists } = state.height;
  switch (phase) {
    case "commit": {
      const { places } = awaitedAnnouncers(state);
      const absent = simplex.turns.filter((place) => place !== self && !state.present.has(place));
      const isQuorum = state.height.quorumAt !== null;
      return isQuorum ? places.filter((place) => !lists.has(place)) : [...places, ...absent];
    }
    case "fetch": {
      const { places } = awaitedServers(state);
      const silent = [...lists.keys()].filter((place) => !ballots.has(place) && place !== self);
      return places.length > 0 ? places : silent;
    }
    case "vote": {
      const { notarize } = viewOf(simplex, simplex.view);
      return [...state.present].filter((place) => !notarize.has(place));
    }
    default:
      return [];
  }
}
