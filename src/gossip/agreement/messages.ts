import type { Digest, PeerId } from "../../types.ts";

/**
 * What members of a run in mode `agreed` say to one another about one height. Members are named by their place in the
 * roster of the height, which is sorted by peer id.
 */
export interface HeightName {
  readonly run: Digest;
  /** The round, counted from 0. */
  readonly height: number;
  /** Digest of the final block of the height below; the run id at height 0. */
  readonly parent: Digest;
}

/** What a member thinks of an update; on the wire one byte, its index here. */
export const OPINIONS = [
  "absent",
  "neutral",
  "helpful",
  "harmful",
  "malformed",
  "wrong-shape",
  "non-finite",
  "too-long",
] as const;
export type Opinion = (typeof OPINIONS)[number];

/** A payload by its author and digest. */
export interface HeldPayload {
  readonly place: number;
  readonly payload: Digest;
}

/** Whose announcements a member held before anything was opened. */
export interface List extends HeightName {
  readonly kind: "list";
  /** By place, in order; with the payload that each announced. */
  readonly held: readonly HeldPayload[];
}

/** What a member holds and thinks of it; each member signs one a height. */
export interface Ballot extends HeightName {
  readonly kind: "ballot";
  /** One for each place of the roster. */
  readonly opinions: readonly Opinion[];
  /** The payloads that are not `absent`, by place. */
  readonly held: readonly HeldPayload[];
}

/** A payload that ballots of a block hold. */
export interface BlockPayload extends HeldPayload {
  readonly bytes: number;
}

/** A ballot inside a block. */
export interface BlockBallot {
  /** Whose it is. */
  readonly place: number;
  readonly opinions: readonly Opinion[];
  readonly held: readonly HeldPayload[];
  readonly signature: Uint8Array;
}

/** The proposed end of a round: the same bytes in every view. */
export interface Block extends HeightName {
  /** Digest of the roster in force. */
  readonly roster: Digest;
  /** What the ballots hold, sorted by place, then by digest. */
  readonly payloads: readonly BlockPayload[];
  /** Sorted by place, at least a quorum. */
  readonly ballots: readonly BlockBallot[];
  /** Whose updates count, sorted. */
  readonly cut: readonly number[];
  /** Median norm of the updates of the cut; the parent's when the cut is empty. */
  readonly norm: number;
  /** Digest of the state after the round; the parent's when the cut is empty. */
  readonly checkpoint: Digest;
  /** Who has contradicted itself, by place, each once: out of the cut, and no member of the next height. */
  readonly evidence: readonly Contradiction[];
  /** What the members have decided about who they are, by peer: in force from the next height on. */
  readonly rosterChanges: readonly RosterChange[];
  /** What they have decided about the run; null mostly. */
  readonly decision: Decision | null;
}

/** A change of the roster that a quorum of its members has signed. It fits one roster, and so is made once. */
export interface RosterChange {
  readonly kind: ChangeKind;
  readonly run: Digest;
  /** Digest of the roster that it changes. */
  readonly roster: Digest;
  /** Whom it adds or removes, or whose key gives way to another. */
  readonly peer: PeerId;
  /** The new key of a rotation. */
  readonly successor: PeerId | null;
  /** What the new key of an addition or a rotation has signed. */
  readonly consent: Uint8Array | null;
  /** Of members of that roster, by place. */
  readonly signatures: readonly { readonly place: number; readonly signature: Uint8Array }[];
}

/** What the members have decided about the run itself: a quorum has signed it. It fits one roster and number, and so is made once. */
export type Decision = Setting | Rollback;

interface DecidedByMembers {
  readonly run: Digest;
  /** Digest of the roster that has signed. */
  readonly roster: Digest;
  /** Decisions that blocks have made before it. */
  readonly number: number;
  /** Of members of that roster, by place. */
  readonly signatures: readonly { readonly place: number; readonly signature: Uint8Array }[];
}

/** How long the run is. */
export interface Setting extends DecidedByMembers {
  readonly kind: "set";
  /** Rounds of the run. */
  readonly rounds: number;
  /** Steps a round from the height `from` on, or from the next one where that is past. */
  readonly steps: number;
  readonly from: number;
}

/** The updates of one author in these rounds do not count any more: their cuts are mixed again without them. */
export interface Rollback extends DecidedByMembers {
  readonly kind: "rollback";
  readonly without: PeerId;
  /** The first height that is mixed again, the last is that of the block. */
  readonly since: number;
}

export const CHANGE_KINDS = ["add", "remove", "rotate"] as const;
/** On the wire its index. */
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** An attempt of a view's proposer to end the height. */
export interface Proposal extends HeightName {
  readonly kind: "proposal";
  readonly view: number;
  /** Digest of the block. */
  readonly block: Digest;
  /** The block itself where it is fresh; null where it confirms one that a view has notarised. */
  readonly body: Block | null;
  /** The view whose notarisation is confirmed; null where the block is fresh. */
  readonly confirms: number | null;
}

export const VOTE_KINDS = ["notarize", "nullify", "finalize"] as const;
/** On the wire its index. */
export type VoteKind = (typeof VOTE_KINDS)[number];

/** A vote of a member in a view. */
export interface Vote extends HeightName {
  readonly kind: VoteKind;
  readonly view: number;
  /** Digest of the block; null of `nullify`, which names none. */
  readonly block: Digest | null;
}

/** A quorum of votes that are alike: notarisation, nullification, or the end of the height. */
export interface Certificate extends HeightName {
  readonly kind: "certificate";
  readonly vote: VoteKind;
  readonly view: number;
  readonly block: Digest | null;
  /** By place, sorted. */
  readonly signatures: readonly { readonly place: number; readonly signature: Uint8Array }[];
}

export type Statement = List | Ballot | Proposal | Vote;

/** What a member announced for a height: a commitment to its payload. */
export interface AnnouncedPayload {
  readonly kind: "announcement";
  readonly run: Digest;
  readonly height: number;
  readonly payload: Digest;
  /** What its author signed. */
  readonly body: Uint8Array;
}

/** What can contradict something else that its author signed; a proposal is without its block here. */
export type Said = Statement | AnnouncedPayload;

/** Something said, with its author's signature. */
export interface Testimony {
  readonly statement: Said;
  readonly signature: Uint8Array;
}

/** Two things that a member has signed and no honest member would have. */
export interface Contradiction {
  /** Whose they are. */
  readonly place: number;
  readonly first: Testimony;
  readonly second: Testimony;
}

/** A statement as it was signed. */
export interface SignedStatement<S extends Statement = Statement> {
  readonly author: PeerId;
  readonly statement: S;
  readonly signature: Uint8Array;
  /** The whole message as it travels. */
  readonly bytes: Uint8Array;
}

/** A certificate as it travels; it is its own proof, whoever hands it on. */
export interface SealedCertificate {
  readonly certificate: Certificate;
  readonly bytes: Uint8Array;
}

export type AgreementMessage = SignedStatement | SealedCertificate;

/** What a node agrees about: messages of other runs and of heights without a roster are not taken. */
export interface AgreementTerms {
  readonly run: Digest;
  /** The members of a height, sorted by peer id; null where this node cannot know them yet. */
  readonly rosterAt: (height: number) => readonly PeerId[] | null;
  /** Who the members are above a block; as before unless given. */
  readonly rosterAfter?: (block: Block, roster: readonly PeerId[]) => readonly PeerId[];
  /** Whether the members of a height are certain; a guess shows whether a message may be of use. All are unless given. */
  readonly isCertain?: (height: number) => boolean;
}
