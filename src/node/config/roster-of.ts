import { parseRosterChange, Roster } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import type { PeerId } from "../../types.ts";
import type { Config } from "./config.ts";

/**
 * The members of a run, round by round.
 *
 * @throws KlatchError `usage` when a change does nothing
 */
export function rosterOf({ members, roster }: Pick<Config["run"], "members" | "roster">): Roster {
  return new Roster(members, roster.map(parseRosterChange));
}

/**
 * The first round in which a node is a member of its own run. One that is in no round would be refused by everyone,
 * without a word.
 *
 * @throws KlatchError `usage` when there is none
 */
export function requireMembership(roster: Roster, self: PeerId): number {
  const firstRound = roster.firstRound(self);
  if (firstRound !== null) return firstRound;
  throw new KlatchError(
    "usage",
    `this node's own peer id ${self} is not among run.members`,
    "list the peer ids of all members, this one too, alike on every peer",
  );
}
