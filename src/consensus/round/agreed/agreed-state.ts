import assert from "node:assert/strict";
import type { Digest, PeerId, Reason, Timestamp } from "../../../types.ts";
import { type Patience, UNTRIED } from "../patience.ts";
import { byPeer } from "../round-state.ts";
import type { AgreedEffect, AgreedEvent, AgreedTimer, Computed, Link } from "./contract.ts";
import { type Decided, UNDECIDED } from "./membership/decided.ts";
import { type MakeMembers, type Members, placesOf } from "./membership/members.ts";
import type {
  Ballot,
  Block,
  BlockPayload,
  Contradiction,
  Decision,
  HeightName,
  HeldPayload,
  List,
  Proposal,
  RosterChange,
  Said,
  SignedStatement,
  Testimony,
} from "./messages.ts";
import { createSimplex, type SimplexState } from "./simplex-state.ts";
import { firstLevels } from "./standings.ts";
import type { AgreedTiming } from "./timing.ts";

/** What the protocol of one node needs to know before it starts. */
export interface AgreedConfig {
  readonly self: PeerId;
  readonly run: Digest;
  /** Rounds of the whole run, unless the members have decided otherwise; they are counted from 0. */
  readonly rounds: number;
  /** The members that peers make, when blocks change who they are. */
  readonly membersOf: MakeMembers;
  /** Liars that the members are to bear whoever leaves: changes after which they do not are not made. */
  readonly attackersMin: number;
  /** Bytes of the largest sound payload of a height, which codec and adapter decide: what has more is none. */
  readonly payloadBytes: (height: number) => number;
  /** Members without which round 0 does not begin to end; a quorum unless more are asked for. */
  readonly startMembers?: number;
  readonly timing: AgreedTiming;
}

/** The end of the chain of final blocks, on which the next one stands. */
export interface ChainHead {
  /** The height that is open: one more than that of the newest final block. */
  readonly height: number;
  /** Digest of the newest final block; the run id before the first. */
  readonly parent: Digest;
  /** Digest of the state that the height starts from. */
  readonly checkpoint: Digest;
  /** Median norm of the last updates that counted; 0 before the first. */
  readonly norm: number;
  /** Who agrees about the height. */
  readonly members: Members;
  /** Trust by place, from the ballots of closed rounds. */
  readonly levels: readonly number[];
  /** What the members have decided about the run. */
  readonly decided: Decided;
}

/** Where a restarted node goes on. */
export interface AgreedResume {
  readonly head: ChainHead;
  /** The own update of the open height, if it was made. */
  readonly payload?: BlockPayload;
  /** How long training a round takes here, when known from before, in milliseconds. */
  readonly trainingMs?: number;
}

/** What a node does about its own update. */
export interface Training {
  readonly phase: "idle" | "running" | "done";
  readonly round: number;
  readonly since: Timestamp;
  /** How long it took the last time; null before the first. */
  readonly tookMs: number | null;
}

/** A block with what follows from its bytes. */
export interface CheckedBlock {
  readonly block: Block;
  /** Why it cannot end the height; null when it may. */
  readonly fault: string | null;
  /** The payloads that count. */
  readonly cut: readonly HeldPayload[];
}

/** Fetching and mixing for a block: since when, while it is under way, and how long it has taken. */
export interface OwnWork {
  readonly since: Timestamp | null;
  readonly mixingSince: Timestamp | null;
  readonly ms: number;
}

/** A payload that was announced, with what its author signed where that is at hand. */
export interface Arrival extends BlockPayload {
  readonly signed?: Testimony | undefined;
  readonly at: Timestamp;
}

/**
 * A node that has started does not know whether its disk has all that it signed: it may have been lost, or put back from
 * an old backup. It asks the others what they hold of it, and says nothing meanwhile.
 */
export interface Silence {
  /** Members that are in the open height, and have told all that they hold of it. */
  readonly answers: ReadonlySet<PeerId>;
  /** Something that this node signed and its disk lacks, the first that came back; null while there is none. */
  readonly lack: { readonly kind: Said["kind"]; readonly height: number } | null;
  /** The first height in which it signs again; null while it asks. */
  readonly until: number | null;
  /** What it would say in the open height, and does once nothing is found to be lacking. */
  readonly withheld: readonly AgreedEffect[];
}

/** What is known of the open height, and ends with it. */
export interface HeightState {
  /** What this node announced for the height. */
  readonly payload: BlockPayload | null;
  /** What members announced, by place: one payload, or two, which prove equivocation. */
  readonly arrivals: ReadonlyMap<number, readonly Arrival[]>;
  /** When a quorum had announced. */
  readonly quorumAt: Timestamp | null;
  readonly lists: ReadonlyMap<number, SignedStatement<List>>;
  /** This node's own. */
  readonly list: List | null;
  /** Whether payloads are served: whoever could still choose has chosen. */
  readonly isOpen: boolean;
  readonly fetches: ReadonlyMap<Digest, "pending" | "fetched" | Reason>;
  readonly ballots: ReadonlyMap<number, SignedStatement<Ballot>>;
  readonly balloting: "no" | "judging" | "done";
  readonly simplex: SimplexState;
  /** The proposal of each view that counts. */
  readonly proposals: ReadonlyMap<number, SignedStatement<Proposal>>;
  /** Bodies of blocks, by digest. */
  readonly bodies: ReadonlyMap<Digest, CheckedBlock>;
  /** What cuts mix to, by the payloads in them. */
  readonly computed: ReadonlyMap<string, Computed | "pending">;
  /** Newest view in which this node proposed; -1 before the first. */
  readonly proposedIn: number;
  /** More time for one view, for the work that its block makes. */
  readonly extension: { readonly view: number; readonly ms: number } | null;
  /** When a quorum of ballots was here, and voting began. */
  readonly votingAt: Timestamp | null;
  /** From when the view was entered until its block was notarised, less own work, milliseconds. */
  readonly viewTook: number | null;
  /** What this node does for the block of the view. */
  readonly work: OwnWork;
  /** Members that are accused of something in this height. */
  readonly accused: ReadonlySet<string>;
  /** What ends the height, while that is being kept; null before. */
  readonly concluding: readonly Link[] | null;
}

/** The whole state of the protocol; readonly data, made by `createAgreed`, changed by `stepAgreed` alone. */
export interface AgreedState {
  readonly config: AgreedConfig;
  readonly places: ReadonlyMap<PeerId, number>;
  readonly head: ChainHead;
  readonly phase: "idle" | "running" | "done";
  readonly training: Training;
  /** Why this node signs nothing, after a start; null when it does. */
  readonly silence: Silence | null;
  /** Peers that are connected. */
  readonly connected: ReadonlySet<PeerId>;
  /** Those of them that are members of the height, by place; without this node. */
  readonly present: ReadonlySet<number>;
  /** How members keep others waiting, by place. */
  readonly patience: readonly Patience[];
  readonly height: HeightState;
  /** What came before the node had started, and had its own statements back. */
  readonly waiting: readonly AgreedEvent[];
  /** Statements for the next height, heard before this one ended here. */
  readonly early: readonly SignedStatement[];
  /** Newest height that each member was heard in, where that is beyond the own one. */
  readonly ahead: ReadonlyMap<number, number>;
  /** Newest height that a certificate beyond the own height was of; -1 before the first. */
  readonly certifiedAhead: number;
  /** Members that have contradicted themselves, until a block names them. */
  readonly evidence: ReadonlyMap<PeerId, Omit<Contradiction, "place">>;
  /** Changes of the roster that wait for a block. */
  readonly changes: readonly RosterChange[];
  /** What the members have decided about the run, and waits for a block: one of a kind at most, the first first. */
  readonly decisions: readonly Decision[];
  /** How long the views took that ended the last heights, milliseconds. */
  readonly viewTimes: readonly number[];
  /** How long mixing took the last time, milliseconds. */
  readonly mixingMs: number;
  readonly timers: ReadonlyMap<AgreedTimer, Timestamp>;
}

export const NO_WORK: OwnWork = { since: null, mixingSince: null, ms: 0 };

/** The start of a chain. */
export function genesis(run: Digest, checkpoint: Digest, members: Members): ChainHead {
  const levels = firstLevels(members.peers.length);
  return { height: 0, parent: run, checkpoint, norm: 0, members, levels, decided: UNDECIDED };
}

/** What every statement about the open height names. */
export function heightName({ config, head }: Pick<AgreedState, "config" | "head">): HeightName {
  return { run: config.run, height: head.height, parent: head.parent };
}

/** Whether the run has no round left. */
export function isOver({ config, head }: Pick<AgreedState, "config" | "head">): boolean {
  return head.height >= (head.decided.newest?.rounds ?? config.rounds);
}

/** Bytes of the largest sound payload of the open height: as many as a block says of each. */
export function bytesOfPayload({ config, head }: Pick<AgreedState, "config" | "head">): number {
  return config.payloadBytes(head.height);
}

/** The node's own place; -1 of one that only looks on. */
export function ownPlace({ config, places }: Pick<AgreedState, "config" | "places">): number {
  return places.get(config.self) ?? -1;
}

/** A protocol that has not started; the first event it expects is `started`. */
export function createAgreed(config: AgreedConfig, from: AgreedResume): AgreedState {
  const { head, payload = null, trainingMs: tookMs = null } = from;
  const { peers } = head.members;
  assert.deepEqual(peers, [...new Set(peers)].sort(byPeer), "the roster is sorted, each once");
  const places = placesOf(head.members);
  const phase = payload === null ? "idle" : "done";
  return {
    config,
    places,
    head,
    phase: "idle",
    training: { phase, round: head.height, since: 0, tookMs },
    silence: null,
    connected: new Set(),
    present: new Set(),
    patience: peers.map(() => UNTRIED),
    height: { ...openHeight({ config, places, head }), payload },
    waiting: [],
    early: [],
    ahead: new Map(),
    certifiedAhead: -1,
    evidence: new Map(),
    changes: [],
    decisions: [],
    viewTimes: [],
    mixingMs: 0,
    timers: new Map(),
  };
}

/** A height of which nothing is known yet. */
export function openHeight(at: Pick<AgreedState, "config" | "places" | "head">): HeightState {
  const { turns } = at.head.members;
  return {
    payload: null,
    arrivals: new Map(),
    quorumAt: null,
    lists: new Map(),
    list: null,
    isOpen: false,
    fetches: new Map(),
    ballots: new Map(),
    balloting: "no",
    simplex: createSimplex(heightName(at), { self: ownPlace(at), turns }),
    proposals: new Map(),
    bodies: new Map(),
    computed: new Map(),
    proposedIn: -1,
    extension: null,
    votingAt: null,
    viewTook: null,
    work: NO_WORK,
    accused: new Set(),
    concluding: null,
  };
}
