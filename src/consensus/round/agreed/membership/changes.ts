import type { Digest, PeerId } from "../../../../types.ts";
import { byPeer } from "../../round-state.ts";
import type { AgreedState } from "../agreed-state.ts";
import { type AgreedTurn, changeState } from "../agreed-turn.ts";
import type { Block, RosterChange } from "../messages.ts";
import { isSignedBy, quorumOf } from "../quorum.ts";
import type { Members } from "./members.ts";

/** Members of a run at most. */
const MEMBERS_MAX = 1000;
/** Bytes of changes that a proposer puts into a block, or one change. */
const CHANGES_BYTES_MAX = 20 * 1024;
/** Changes that wait here for a block, at most. */
const WAITING_MAX = 16;

/** What changes of a roster are judged by. */
export interface ChangeGround {
  readonly run: Digest;
  /** Digest of the roster in force. */
  readonly roster: Digest;
  /** Its members, sorted. */
  readonly peers: readonly PeerId[];
  /** Liars that the members are to bear, whoever leaves. */
  readonly attackersMin: number;
}

/** Why a block cannot make these changes; null when it can. Their signatures are checked at the door. */
export function changesFault(
  changes: readonly RosterChange[],
  { run, roster, peers, attackersMin }: ChangeGround,
): string | null {
  const { faulty, size } = quorumOf(peers.length);
  if (changes.length === 0) return null;
  if (changes.length > faulty + 1) return `more than ${faulty + 1} changes of the roster`;
  const subjects = changes.flatMap(({ peer, successor }) => [
    peer,
    ...(successor ? [successor] : []),
  ]);
  if (new Set(subjects).size < subjects.length) return "two changes of the roster about one member";
  if (!changes.every(({ peer }, i) => i === 0 || byPeer(changes[i - 1]?.peer ?? "", peer) < 0)) {
    return "changes of the roster out of order";
  }
  for (const change of changes) {
    const fault = changeFault(change, { run, roster, peers, size });
    if (fault !== null) return fault;
  }
  const after = peersAfter(peers, changes);
  if (after.length > MEMBERS_MAX) return `more than ${MEMBERS_MAX} members`;
  // whoever is left bears fewer liars than were agreed upon: one more and there are two final blocks
  const isLess =
    after.length < peers.length && (after.length === 0 || faultyOf(after) < attackersMin);
  return isLess
    ? `changes that leave ${after.length} members, who do not bear ${attackersMin} liars`
    : null;
}

/** The members after changes, sorted. */
export function peersAfter(
  peers: readonly PeerId[],
  changes: readonly RosterChange[],
): readonly PeerId[] {
  const next = new Set(peers);
  for (const { kind, peer, successor } of changes) {
    if (kind === "add") next.add(peer);
    else next.delete(peer);
    if (successor !== null) next.add(successor);
  }
  return [...next].sort(byPeer);
}

/** Whose place the new keys of a block take. */
export function successorsIn({
  rosterChanges,
}: Pick<Block, "rosterChanges">): ReadonlyMap<PeerId, PeerId> {
  return new Map(
    rosterChanges.flatMap(({ peer, successor }) => (successor === null ? [] : [[successor, peer]])),
  );
}

/** Keeps a change until a block makes it, unless it is of another roster, known, or one too many. */
export function hearChange(turn: AgreedTurn, change: RosterChange): void {
  const { changes } = turn.state;
  const isKnown = changes.some((each) => each.kind === change.kind && each.peer === change.peer);
  if (isKnown || changes.length >= WAITING_MAX) return;
  if (changesFault([change], groundOf(turn.state)) !== null) return;
  changeState(turn, { changes: [...changes, change] });
}

/** The changes for a block: of those that wait, the first that can be made together. */
export function changesFor(state: AgreedState): readonly RosterChange[] {
  const ground = groundOf(state);
  let chosen: readonly RosterChange[] = [];
  for (const change of state.changes) {
    const more = [...chosen, change].sort((a, b) => byPeer(a.peer, b.peer));
    const isLarge = more.length > 1 && more.reduce(bytesWith, 0) > CHANGES_BYTES_MAX;
    if (!isLarge && changesFault(more, ground) === null) chosen = more;
  }
  return chosen;
}

/** What changes are judged by at the open height. */
export function groundOf({ config, head }: Pick<AgreedState, "config" | "head">): ChangeGround {
  const { digest: roster, peers } = head.members satisfies Members;
  return { run: config.run, roster, peers, attackersMin: config.attackersMin };
}

// --- internal ---

const bytesWith = (sum: number, { signatures }: RosterChange): number =>
  sum + 300 + 64 * signatures.length;

const faultyOf = (peers: readonly PeerId[]): number => quorumOf(peers.length).faulty;

function changeFault(
  { kind, run, roster, peer, successor, consent, signatures }: RosterChange,
  ground: Pick<ChangeGround, "run" | "roster" | "peers"> & { readonly size: number },
): string | null {
  const { peers, size } = ground;
  const isMember = peers.includes(peer);
  const table: readonly (readonly [boolean, string])[] = [
    [run !== ground.run, "a change of another run"],
    [roster !== ground.roster, "a change of another roster"],
    [kind === "add" && isMember, `an addition of ${peer}, who is a member`],
    [kind !== "add" && !isMember, `a change of ${peer}, who is no member`],
    [
      (successor !== null) !== (kind === "rotate"),
      "a new key without a rotation, or the other way round",
    ],
    [
      successor !== null && peers.includes(successor),
      `a rotation to ${successor}, who is a member`,
    ],
    [(consent === null) !== (kind === "remove"), "a new key that has not signed"],
    [
      !isSignedBy(size, peers.length, signatures),
      `a change that fewer than ${size} members have signed`,
    ],
  ];
  return table.find(([isSo]) => isSo)?.[1] ?? null;
}
