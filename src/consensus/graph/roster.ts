import { KlatchError } from "../../errors.ts";
import type { PeerId } from "../../types.ts";

/** One change of a run's members: it holds from the round on, counted from 0. */
export interface RosterChange {
  readonly round: number;
  readonly peer: PeerId;
  readonly joins: boolean;
}

/** `8 +PEER` admits a peer from round 8 on, `12 -PEER` removes it; rounds are counted from 1 here, as people do. */
export const ROSTER_CHANGE = /^([1-9][0-9]{0,6}) ([+-])([1-9A-HJ-NP-Za-km-z]{46,60})$/;

/** Reads a change that has the form of {@link ROSTER_CHANGE}. */
export function parseRosterChange(text: string): RosterChange {
  const [, round, sign, peer] = ROSTER_CHANGE.exec(text) ?? [];
  if (peer === undefined) {
    throw new KlatchError("usage", `no change of members: ${text}`, ROSTER_HINT);
  }
  return { round: Number(round) - 1, peer, joins: sign === "+" };
}

const ROSTER_HINT = 'write "8 +PEERID" to admit from round 8 on, "12 -PEERID" to remove';

/** Who the members of a run are, round by round. */
export class Roster {
  /** Rounds from which on others are members, the first first; 0 among them. */
  readonly rounds: readonly number[];
  readonly #first: ReadonlySet<PeerId>;
  readonly #changes: readonly RosterChange[];

  /**
   * @param members - those of round 0
   * @throws KlatchError `usage` when a change admits a member or removes somebody who is none
   */
  constructor(members: readonly PeerId[], changes: readonly RosterChange[]) {
    this.#first = new Set(members);
    this.#changes = changes.toSorted((a, b) => a.round - b.round);
    this.rounds = [...new Set([0, ...this.#changes.map(({ round }) => round)])];
    let now = this.#first;
    for (const change of this.#changes) {
      refuseIdle(change, now);
      now = changed(now, [change]);
    }
  }

  /** Members in a round, in the order in which they are listed. */
  at(round: number): readonly PeerId[] {
    const past = this.#changes.filter((change) => change.round <= round);
    return [...changed(this.#first, past)];
  }

  isMember(peer: PeerId, round: number): boolean {
    return this.#changes.length === 0 ? this.#first.has(peer) : this.at(round).includes(peer);
  }

  /** Everybody who is a member in some round. */
  get everyone(): readonly PeerId[] {
    const joining = this.#changes.filter(({ joins }) => joins).map(({ peer }) => peer);
    return [...new Set([...this.#first, ...joining])];
  }

  /** First round in which the peer is a member; null when there is none. */
  firstRound(peer: PeerId): number | null {
    return this.rounds.find((round) => this.at(round).includes(peer)) ?? null;
  }

  /** First round from which on the peer is no member any more; null when it stays. */
  lastRound(peer: PeerId): number | null {
    const change = this.#changes.findLast((each) => each.peer === peer);
    return change === undefined || change.joins ? null : change.round;
  }
}

// --- internal ---

function changed(
  members: ReadonlySet<PeerId>,
  changes: readonly RosterChange[],
): ReadonlySet<PeerId> {
  const now = new Set(members);
  for (const { peer, joins } of changes) {
    if (joins) now.add(peer);
    else now.delete(peer);
  }
  return now;
}

function refuseIdle({ round, peer, joins }: RosterChange, members: ReadonlySet<PeerId>): void {
  if (members.has(peer) !== joins) return;
  const what = joins ? "admits a member" : "removes somebody who is no member then";
  throw new KlatchError("usage", `the change of round ${round + 1} ${what}: ${peer}`, ROSTER_HINT);
}
