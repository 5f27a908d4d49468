import type { ConnectedPeer, DialFailure } from "../../gossip/index.ts";
import type { Reason, Standing } from "../../types.ts";
import type { Acquaintance, ClockTrouble } from "./acquaintances.ts";

/** What is known of a member that this node does not mix with. */
export interface MemberFacts {
  /** Whether the last round that was done mixed it; null before there is one. */
  readonly isMixed: boolean | null;
  /** Whether the last round of the run is over. */
  readonly isFinished: boolean;
  readonly isNeighbour: boolean;
  readonly standing: Standing;
  readonly connection: Pick<ConnectedPeer, "direction"> | null;
  readonly lastDial: Pick<DialFailure, "address" | "reason"> | null;
  /** Where it is sought; null of one of which no address is known. */
  readonly soughtAt: string | null;
  readonly acquaintance: Acquaintance | null;
  readonly clockTrouble: ClockTrouble | null;
  /** Why its update was not used in this round, or else in the last. */
  readonly refused: Reason | null;
  /** Newest round that it announced, and this node's. */
  readonly announced: number | null;
  readonly round: number;
}

/** How an attempt to connect ended, in words. */
export function notReached({ address, reason }: Pick<DialFailure, "address" | "reason">): string {
  return `not reached at ${address}: ${reason}`;
}

/** Why a member is not mixed with, in words; null of one that is. The first of the table that holds. */
export function whyNotMixed(facts: MemberFacts): string | null {
  const { acquaintance, lastDial, soughtAt, announced, round } = facts;
  const hasLeft = facts.connection === null && acquaintance?.hasLeft === true;
  const isSought = facts.connection === null && soughtAt !== null;
  const table: readonly (readonly [boolean, string | null])[] = [
    [facts.standing === "evicted", "evicted: it was proven to break the rules"],
    [acquaintance?.barrier != null, acquaintance?.barrier ?? null],
    [facts.clockTrouble?.isBarrier === true, facts.clockTrouble?.words ?? null],
    // who was mixed in the last round of all is not missed; in any other there is a next one
    [facts.isMixed === true && (facts.isFinished || !hasLeft), null],
    [hasLeft, "it has stopped, and said so"],
    [lastDial !== null, lastDial && notReached(lastDial)],
    [facts.connection === null && acquaintance !== null, "the connection was lost"],
    [isSought, `not met yet: it is sought at ${soughtAt}`],
    [facts.connection === null, "not met yet: no address of it is known, and it has not connected"],
    [!facts.isNeighbour, "no neighbour in this topology: its state comes through others"],
    [facts.standing === "isolated", "isolated for a while by this node's own judgement"],
    [facts.refused !== null, `its update was not used: ${facts.refused}`],
    [announced === null, "has not announced a round yet"],
    [
      (announced ?? 0) < round,
      `announced round ${(announced ?? 0) + 1}, this node is in round ${round + 1}`,
    ],
  ];
  const found = table.find(([holds]) => holds);
  if (found !== undefined) return found[1];
  return facts.isMixed === null
    ? "the round is not over yet"
    : "it had no part in the last round: it was late, or the mix was not taken";
}
