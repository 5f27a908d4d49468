import type { Digest, PeerId } from "../../../types.ts";
import {
  type AgreedState,
  bytesOfPayload,
  type ChainHead,
  type CheckedBlock,
  heightName,
} from "./agreed-state.ts";
import { withinBlock } from "./block-size.ts";
import { cutOf } from "./cut.ts";
import { changesFault, changesFor, groundOf } from "./membership/changes.ts";
import { decisionFault, rollbackOf } from "./membership/decided.ts";
import { decisionsFor } from "./membership/decisions.ts";
import { evidenceFault, evidenceFor } from "./membership/evidence.ts";
import type { Block, BlockBallot, BlockPayload, HeldPayload, Rollback } from "./messages.ts";
import type { Quorum } from "./quorum.ts";
import { sharesOfCut } from "./standings.ts";

/** A block that lacks what mixing will give. */
export type Draft = Omit<Block, "norm" | "checkpoint">;

/**
 * The block that the ballots make which this node holds, before its updates are mixed. A ballot counts whatever was
 * announced here: an author that announces something else to each would otherwise keep a quorum of ballots from ever
 * coming together. Left out when it is late, as far as a quorum stays, are ballots that hold a payload of the cut which
 * nobody serves: who held it has lost it, or lies; and those that make it larger than a block may be. A rollback that this
 * node cannot mix is left out when it is late, too: others may, and what else was decided does not wait for it.
 */
export function draftBlock(state: AgreedState, isLate: boolean): Draft {
  const { height, head } = state;
  const held = ballotsHeld(state);
  const ballots = withinBlock(isLate ? withoutLost(held, state) : held, height.simplex.quorum);
  const evidence = evidenceFor(state);
  const decision = decisionsFor(state).find(({ kind }) => !(isLate && kind === "rollback"));
  return {
    ...heightName(state),
    roster: head.members.digest,
    payloads: payloadsOf(ballots, bytesOfPayload(state)),
    ballots,
    cut: cutOf({ ballots, evidence }, height.simplex.quorum).map(({ place }) => place),
    evidence,
    rosterChanges: changesFor(state),
    decision: decision ?? null,
  };
}

/** A block, checked once: what it is does not change while the height is open. */
export function checked(block: Block, state: AgreedState): CheckedBlock {
  const { config, head, height } = state;
  const { quorum } = height.simplex;
  const cut = cutOf(block, quorum);
  const { run } = config;
  const payloadBytes = bytesOfPayload(state);
  const { digest: roster } = head.members;
  const { attackersMin, peers } = groundOf(state);
  const ground = { run, roster, peers, attackersMin, quorum, head, payloadBytes };
  return { block, cut, fault: blockFault(block, ground) };
}

/** What a block stands on: the end of the chain below it, of which an outsider may know less. */
export interface BlockGround {
  readonly run: Digest;
  /** Digest of the roster in force, and who is in it. */
  readonly roster: Digest;
  readonly peers: readonly PeerId[];
  /** Liars that the members are to bear after changes. */
  readonly attackersMin: number;
  readonly quorum: Quorum;
  /** Bytes of the largest sound payload. */
  readonly payloadBytes: number | null;
  readonly head: Pick<ChainHead, "height" | "decided"> & {
    readonly [Key in "parent" | "checkpoint" | "norm"]: ChainHead[Key] | null;
  };
}

/**
 * Why a fresh block cannot end the height, whatever its updates are; null when it may. Signatures and what ballots hold
 * are checked at the door.
 */
export function blockFault(
  block: Block,
  { run, roster, peers, attackersMin, quorum, head, payloadBytes }: BlockGround,
): string | null {
  const places = block.ballots.map(({ place }) => place);
  const inCut = cutOf(block, quorum).map(({ place }) => place);
  const isOther = <T>(value: T, known: T | null) => known !== null && value !== known;
  const isUnchanged = inCut.length === 0 && rollbackOf(block) === null;
  const table: readonly (readonly [boolean, string])[] = [
    [block.run !== run, "of another run"],
    [block.height !== head.height, "of another height"],
    [isOther(block.parent, head.parent), "on another parent"],
    [block.roster !== roster, "of another roster"],
    [block.ballots.length < quorum.size, "fewer ballots than a quorum"],
    [!isSortedSet(places, quorum.members), "ballots out of order, repeated or foreign"],
    [
      !namesExactly(block, payloadBytes ?? block.payloads[0]?.bytes ?? 0),
      "payloads that are not those of its ballots, or of another size",
    ],
    [!areSame(block.cut, inCut), "a cut that its ballots do not make"],
    [!(Number.isFinite(block.norm) && block.norm >= 0), "a norm that is none"],
    [isUnchanged && isOther(block.checkpoint, head.checkpoint), "another state without updates"],
    [isUnchanged && isOther(block.norm, head.norm), "another norm without updates"],
  ];
  const { members } = quorum;
  const fault = table.find(([isSo]) => isSo)?.[1];
  return (
    fault ??
    evidenceFault(block.evidence, { run, height: head.height, members }) ??
    changesFault(block.rosterChanges, { run, roster, peers, attackersMin }) ??
    decisionFault(block.decision, { run, roster, peers, ...head })
  );
}

/** The shares by which the updates of a cut are mixed. */
export function cutShares(
  { head, height }: AgreedState,
  cut: readonly HeldPayload[],
): readonly number[] {
  return sharesOfCut(
    head.levels,
    cut.map(({ place }) => place),
    height.simplex.quorum,
  );
}

/** One name for a cut, by what is in it and what is done with it. */
export function cutKey(cut: readonly HeldPayload[], rollback: Rollback | null): string {
  const mixed = cut.map(({ place, payload }) => `${place}:${payload}`).join(" ");
  return rollback === null ? mixed : `${mixed} without ${rollback.without} ${rollback.since}`;
}

// --- internal ---

/** The ballots that this node holds, by place. */
function ballotsHeld({ height }: AgreedState): readonly BlockBallot[] {
  return [...height.ballots]
    .sort(([a], [b]) => a - b)
    .map(([place, { statement, signature }]) => {
      const { opinions, held } = statement;
      return { place, opinions, held, signature };
    });
}

/** Leaves ballots out, one after the other, while the cut has a payload that could not be had. */
function withoutLost(ballots: readonly BlockBallot[], state: AgreedState): readonly BlockBallot[] {
  const { simplex, fetches } = state.height;
  const isLost = ({ payload }: HeldPayload) =>
    !["pending", "fetched", undefined].includes(fetches.get(payload));
  const lost = cutOf({ ballots, evidence: [] }, simplex.quorum).filter(isLost);
  if (lost.length === 0 || ballots.length <= simplex.quorum.size) return ballots;
  const names = new Set(lost.map(keyOf));
  const most = ballots.map(({ held }) => held.filter((each) => names.has(keyOf(each))).length);
  const out = most.indexOf(Math.max(...most));
  return withoutLost(ballots.toSpliced(out, 1), state);
}

function payloadsOf(ballots: readonly BlockBallot[], bytes: number): readonly BlockPayload[] {
  const named = new Map<string, HeldPayload>();
  for (const { held } of ballots) {
    for (const each of held) named.set(keyOf(each), each);
  }
  return [...named.values()]
    .sort((a, b) => a.place - b.place || (a.payload < b.payload ? -1 : 1))
    .map(({ place, payload }) => ({ place, payload, bytes }));
}

/** Whether the payloads of a block are those that its ballots hold, each once and in order. */
function namesExactly({ payloads, ballots }: Block, size: number): boolean {
  const wanted = payloadsOf(ballots, size);
  const isSame = ({ place, payload, bytes }: BlockPayload, i: number) =>
    place === wanted[i]?.place && payload === wanted[i]?.payload && bytes === size;
  return payloads.length === wanted.length && payloads.every(isSame);
}

function keyOf({ place, payload }: { readonly place: number; readonly payload: Digest }): string {
  return `${place} ${payload}`;
}

function isSortedSet(places: readonly number[], members: number): boolean {
  return places.every((place, i) => place < members && place > (places[i - 1] ?? -1));
}

function areSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}
