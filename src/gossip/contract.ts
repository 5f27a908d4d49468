import type { Digest, PeerId, Reason, Timestamp, Verdict } from "../types.ts";
import type { AdmissionAnswer, AdmissionRequest } from "./admission/admission-message.ts";
import type { SealedRun } from "./admission/sealed-run.ts";
import type { ChainBytes, ChainEntry } from "./agreement/chain-page.ts";
import type { KnownParts } from "./agreement/in-short.ts";
import type {
  AgreementMessage,
  AgreementTerms,
  HeightName,
  SignedStatement,
  Statement,
} from "./agreement/messages.ts";
import type { Announcement, SignedAnnouncement } from "./announcements/messages.ts";

export type {
  AdmissionAnswer,
  AdmissionRefusal,
  AdmissionRequest,
} from "./admission/admission-message.ts";
export type { SealedMember, SealedRun } from "./admission/sealed-run.ts";
export type { ChainBytes, ChainEntry } from "./agreement/chain-page.ts";
export type { KnownParts } from "./agreement/in-short.ts";
export type * from "./agreement/messages.ts";
export type * from "./announcements/messages.ts";

export interface ConnectedPeer {
  readonly peer: PeerId;
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  readonly connectedAt: Timestamp;
  /** Whether the peer is in this node's gossip mesh. */
  readonly inMesh: boolean;
  /** gossipsub's own score of the peer's transport behaviour. */
  readonly gossipScore: number;
  readonly roundTripMs: number | null;
  /** With it, over all its connections since this process began; null where that is not counted. */
  readonly traffic: Traffic | null;
}

/** What a peer said when it connected. */
export interface Greeting {
  /** What its owner says; null of a peer that does not know greetings: it is of an earlier version. */
  readonly body: Uint8Array | null;
  /** How far its clock is ahead of this node's, and how long it took to ask; null where that was not measured. */
  readonly clock: { readonly offsetMs: number; readonly tookMs: number } | null;
}

/** What may happen with a peer: `left` is a farewell, which comes before the connection ends. */
export type PeerEvent = "connected" | "disconnected" | "left";

/** How an attempt to connect with a peer ended. */
export interface DialFailure {
  /** The last address that was tried; the operator's where there is one. */
  readonly address: string;
  /** In few words, for a person. */
  readonly reason: string;
  readonly at: Timestamp;
}

/** Bytes on the wire, counted below encryption and multiplexing. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

/** Why something that a peer handed over was not taken. */
export interface Refusal {
  readonly verdict: "ignore" | "reject";
  readonly reason: Reason;
  /** Who signed the message, where its signature holds. */
  readonly author?: PeerId;
}

/** Why a payload could not be had. */
export type FetchFailure =
  | "timeout"
  | "unreachable"
  | "digest-mismatch"
  | "too-large"
  | "malformed"
  | "missing";

/** A payload to pull: so many bytes, or at most so many, which their digest ends. */
export interface WantedPayload {
  readonly digest: Digest;
  readonly bytes: number;
  readonly isMost?: boolean;
}

export type FetchOutcome =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly failure: FetchFailure; readonly detail: string };

export type ChainOutcome =
  | { readonly ok: true; readonly entries: readonly ChainEntry[] }
  | { readonly ok: false; readonly failure: FetchFailure; readonly detail: string };

/**
 * Answers who wants to be admitted to a run. The peer has shown its key, and the addresses are such as its word is
 * enough for.
 */
export type AdmissionDesk = (from: PeerId, request: AdmissionRequest) => Promise<AdmissionAnswer>;

/** What the creator of a run answered, its signature checked; or why nothing was to be had. */
export type AdmissionOutcome =
  | {
      readonly ok: true;
      readonly answer:
        | Exclude<AdmissionAnswer, { kind: "sealed" }>
        | { readonly kind: "sealed"; readonly run: SealedRun };
    }
  | { readonly ok: false; readonly detail: string };

/** A file that a node gives to others, in parts. */
export interface GivenFile {
  readonly byteLength: number;
  /** Those bytes, which the caller has seen to be in it; null where the file is not any more what it was. */
  read(offset: number, length: number): Promise<Uint8Array | null>;
}

/** The files that a node gives to whom it knows, each by the digest of its content. */
export interface FileLender {
  /** Sizes by digest. */
  readonly files: ReadonlyMap<Digest, number>;
  /** Whether a peer, which has shown its key, may have them. */
  isFor(peer: PeerId): boolean;
  /** One of the files, once it is certain that it has this digest; null where it has not, or it is none of them. */
  open(digest: Digest): Promise<GivenFile | null>;
}

/** Where the bytes of a file go: those from `received` on are asked for, one chunk after the other. */
export interface FileTarget {
  readonly size: number;
  readonly received: number;
  append(part: Uint8Array): Promise<void>;
}

export type FileOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly failure: FetchFailure; readonly detail: string };

/** How a node that has a ticket asks for what it is a ticket to. */
export interface AdmissionNetwork {
  /** Pulls what a target lacks of the file with that digest; the target's owner checks it. Never rejects. */
  fetchFile(
    peer: PeerId,
    digest: Digest,
    target: FileTarget,
    options: { readonly signal: AbortSignal },
  ): Promise<FileOutcome>;
  /** Asks the creator of a run to be admitted to it, again as often as one likes. Never rejects. */
  askAdmission(
    creator: PeerId,
    request: AdmissionRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<AdmissionOutcome>;
}

/** What mode `agreed` adds to the wire: statements and certificates of a height, and the chain of those that are over. */
export interface AgreementNetwork {
  /** What is agreed about, set before start; null, or nothing, in mode `gossip`: none of the following is spoken. */
  agreementTerms(terms: AgreementTerms | null): void;
  /**
   * Signs a statement; the roster of its height is known. Nothing is sent.
   *
   * @throws KlatchError `data` when no peer would take it.
   */
  sign<S extends Statement>(statement: S): Promise<SignedStatement<S>>;
  /** Says an own statement or a certificate, as bytes, to every member that is connected; to how many. */
  publish(message: { readonly bytes: Uint8Array }): Promise<number>;
  /**
   * The judge of statements and certificates that passed the door (form, roster, every signature), each once.
   */
  onAgreement(judge: (message: AgreementMessage, from: PeerId) => Verdict<void>): void;
  /** What is known of a height, for what comes in short; null where it is over. */
  onKnownOfAgreement(known: (name: HeightName) => KnownParts | null): void;
  /** What this node holds of the current height, the most important first: given to peers that lack it. */
  onTellAgreement(tell: () => readonly Uint8Array[]): void;
  /** Gives a connected peer what it lacks, and takes what it has; so do two that meet. Whether it worked. */
  exchangeAgreement(peer: PeerId): Promise<boolean>;
  /** The final blocks that this node holds from a height on, so many at most. */
  onTellChain(tell: (from: number, most: number) => readonly ChainBytes[]): void;
  /** A page of a peer's chain from a height on, empty at its end; each block signed by a quorum. */
  fetchChain(
    peer: PeerId,
    from: number,
    options: { readonly signal: AbortSignal },
  ): Promise<ChainOutcome>;
}

/** The wire: libp2p inside, announcements and payload bytes outside. Knows no rounds and no models. */
export interface Network extends AgreementNetwork {
  readonly peerId: PeerId;
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /** Listening addresses with the peer id, ready for another node's bootstrap list. */
  addresses(): readonly string[];
  peers(): readonly ConnectedPeer[];
  /** How the last attempt at each peer failed that has not been heard since. */
  dialFailures(): ReadonlyMap<PeerId, DialFailure>;
  /** The address at which a peer is sought first; null when none is known. */
  soughtAt(peer: PeerId): string | null;
  traffic(): Traffic;
  /** Signs and publishes; returns the signed bytes and how many peers they went to directly. */
  announce(
    announcement: Omit<Announcement, "author">,
  ): Promise<{ readonly signed: SignedAnnouncement; readonly recipients: number }>;
  /** The run whose announcements are taken, set before start; those of others are `other-run`, all of them unless set. */
  ofRun(run: Digest): void;
  /**
   * The judge of announcements that passed the door (size, schema, signature, author, clock). Its verdict decides
   * whether gossipsub forwards the message and whether the sender pays.
   */
  onAnnouncement(judge: (signed: SignedAnnouncement) => Verdict<void>): void;
  /** Called for messages refused at the door, with the reason, and with whoever signed them. */
  onRefused(listener: (from: PeerId, refusal: Refusal) => void): void;
  onPeer(listener: (event: PeerEvent, peer: PeerId) => void): void;
  /** What this node says of itself to each peer that it meets; nothing unless set. */
  greet(body: Uint8Array): void;
  /** Called with what a peer says, once or twice when it connects. */
  onGreeting(listener: (from: PeerId, greeting: Greeting) => void): void;
  /** Holds bytes for others to fetch by digest; requests that come before `open` wait, bounded in time. */
  hold(payload: Digest, bytes: Uint8Array): void;
  /**
   * From now on the payload is served to these peers, or to everybody: its commit deadline has passed. Requests of
   * others wait.
   */
  open(payload: Digest, to?: readonly PeerId[]): void;
  /** Stops serving a payload. */
  withdraw(payload: Digest): void;
  /** Pulls a payload in acknowledged chunks, resuming after a broken stream, and checks its digest. */
  fetch(
    peer: PeerId,
    payload: WantedPayload,
    options: { readonly signal: AbortSignal },
  ): Promise<FetchOutcome>;
  /** From now on these may connect instead of those of before; who is none of them is disconnected. */
  admit(members: readonly PeerId[]): void;
  /** Disconnects and refuses a peer until the process ends. */
  ban(peer: PeerId): void;
}
