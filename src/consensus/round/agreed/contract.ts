import type { Digest, EvidenceKind, PeerId, Reason, Timestamp } from "../../../types.ts";
import type {
  Ballot,
  Block,
  BlockPayload,
  Certificate,
  Decision,
  HeldPayload,
  List,
  Opinion,
  Proposal,
  Rollback,
  RosterChange,
  SignedStatement,
  Testimony,
  Vote,
} from "./messages.ts";

/** A block that is final, with what proves it. */
export interface Link {
  readonly block: Block;
  readonly digest: Digest;
  readonly certificate: Certificate;
}

/** What the pure step of mode `agreed` may hear. Every event carries the time at which it happened. */
export type AgreedEvent = {
  readonly now: Timestamp;
} /** With what is on disk of the open height: what this node said, proposals it voted for, certificates it acted on. */ & (
  | {
      readonly type: "started";
      readonly said: readonly SignedStatement[];
      readonly certificates: readonly Certificate[];
    }
  | {
      readonly type: "trained";
      readonly round: number;
      readonly payload: Digest;
      readonly payloadBytes: number;
    }
  /** More steps beyond the update that is announced are done. */
  | { readonly type: "trained-on"; readonly round: number }
  /** An announcement for a height that starts from the state that this node starts from; an own one that comes back, too. */
  | {
      readonly type: "announced";
      readonly peer: PeerId;
      readonly round: number;
      readonly payload: Digest;
      readonly payloadBytes: number;
      /** What its author signed, where that is at hand: two of them are evidence. */
      readonly signed?: Testimony | undefined;
    }
  /** A statement that was checked at the door; the node's own ones too, once they are on disk. */
  | { readonly type: "statement"; readonly signed: SignedStatement }
  | { readonly type: "certificate"; readonly certificate: Certificate }
  /** A peer speaks of a height whose members this node cannot know yet: it is behind. */
  | { readonly type: "behind"; readonly peer: PeerId }
  /** A peer that is in this height too has told all that it holds of it. */
  | { readonly type: "answered"; readonly peer: PeerId; readonly round: number }
  /** A change of the roster, or a decision about the run, with its signatures, which were checked. */
  | { readonly type: "decided"; readonly change: RosterChange | Decision }
  | { readonly type: "fetched"; readonly payload: Digest }
  | { readonly type: "fetch-failed"; readonly payload: Digest; readonly reason: Reason }
  /** What this node thinks of the payloads that it was asked to judge, by place. */
  | {
      readonly type: "judged";
      readonly round: number;
      readonly opinions: ReadonlyMap<number, Opinion>;
    }
  | { readonly type: "computed"; readonly round: number; readonly outcome: Computed }
  /** Final blocks that another had, each checked with its certificate, from the own height on. */
  | { readonly type: "chained"; readonly links: readonly Link[] }
  /** With the final blocks that were kept: those that were asked for, and what came on top of them meanwhile. */
  | { readonly type: "concluded"; readonly round: number; readonly links: readonly Link[] }
  | { readonly type: "timer"; readonly timer: AgreedTimer; readonly round: number }
  | { readonly type: "presence"; readonly peer: PeerId; readonly isThere: boolean }
);

/** What mixing the updates of a cut gives. */
export interface Computed {
  readonly cut: readonly HeldPayload[];
  /** Digest of the state after the round, and the median norm of the updates. */
  readonly checkpoint: Digest;
  readonly norm: number;
  /** What the block does besides: the state is that of a rollback. */
  readonly rollback?: Rollback | null;
}

export type AgreedTimer =
  | "list"
  | "open"
  | "fetch"
  | "propose"
  | "view"
  | "repeat"
  | "catch-up"
  | "idle";

/** What the pure step of mode `agreed` may ask for. */
export type AgreedEffect =
  | { readonly type: "train"; readonly round: number }
  /** No quorum can be reached: train on beyond the update that is announced, which stays as it is. */
  | { readonly type: "train-on"; readonly round: number }
  | { readonly type: "announce"; readonly round: number; readonly payload: Digest }
  /** Serve the own payload from now on. */
  | { readonly type: "open"; readonly round: number; readonly payload: Digest }
  | {
      readonly type: "start-timer";
      readonly timer: AgreedTimer;
      readonly round: number;
      readonly at: Timestamp;
    }
  /** Sign, keep on disk, send, and only then report it as a statement. */
  | { readonly type: "send"; readonly statement: List | Ballot | Vote }
  /** The same of a proposal: of a fresh block, or of the digest of a notarised one. */
  | {
      readonly type: "propose";
      readonly round: number;
      readonly view: number;
      readonly fresh: Block | null;
      readonly confirmed: { readonly view: number; readonly block: Digest } | null;
    }
  /** Keep on disk before the effects that follow; also a proposal that is voted for: its block must not get lost. */
  | { readonly type: "keep"; readonly kept: Certificate | SignedStatement<Proposal> }
  /** Pull a payload from any of these peers, the first first, and hold it for others. */
  | {
      readonly type: "fetch";
      readonly round: number;
      readonly payload: BlockPayload;
      readonly holders: readonly PeerId[];
    }
  | { readonly type: "judge"; readonly round: number; readonly payloads: readonly HeldPayload[] }
  /** Mix the updates of a cut, in this order, by these shares; or with those of the heights below without a peer's. */
  | {
      readonly type: "compute";
      readonly round: number;
      readonly cut: readonly HeldPayload[];
      readonly shares: readonly number[];
      readonly rollback: Rollback | null;
    }
  /** Compare what is known of the height with another member; or with each of these, who are to prove that they are in it. */
  | { readonly type: "exchange"; readonly round: number; readonly asked: readonly PeerId[] }
  /**
   * Ask these for the final blocks from this height on, until so many have told what they have that one of them is honest;
   * or until the one is there that is known to be final, if any is.
   */
  | {
      readonly type: "catch-up";
      readonly round: number;
      readonly peers: readonly PeerId[];
      readonly enough: number;
      readonly upTo: number | null;
    }
  /** The height is over: keep its blocks and go on from the state that the last of them names. */
  | { readonly type: "conclude"; readonly round: number; readonly links: readonly Link[] }
  | {
      readonly type: "observe";
      readonly round: number;
      readonly peer: PeerId;
      readonly kind: EvidenceKind;
      readonly detail: string;
    }
  | { readonly type: "finish" };
