import { parseRosterChange, Roster } from "../../consensus/index.ts";
import type { Config } from "./config.ts";

/**
 * The members of a run, round by round.
 *
 * @throws KlatchError `usage` when a change does nothing
 */
export function rosterOf({ members, roster }: Pick<Config["run"], "members" | "roster">): Roster {
  return new Roster(members, roster.map(parseRosterChange));
}
