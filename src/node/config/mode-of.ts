import { KlatchError } from "../../errors.ts";
import type { RunMode } from "../../types.ts";
import type { Config } from "./config.ts";

/** Members for which `auto` is mode `agreed`: fewer tolerate no attacker, of more a block grows large. */
const AGREED_MEMBERS = { least: 4, most: 200 };

/** The mode that a run is in: what `auto` stands for. */
export function modeOf({
  mode,
  members,
  topology,
  roster,
}: Pick<Config["run"], "mode" | "members" | "topology" | "roster">): RunMode {
  if (mode !== "auto") return mode;
  const { least, most } = AGREED_MEMBERS;
  const isOfSize = members.length >= least && members.length <= most;
  return isOfSize && topology === "full" && roster.length === 0 ? "agreed" : "gossip";
}

/** @throws KlatchError `usage` when a run cannot be in the mode that it names */
export function requireMode(run: Config["run"]): void {
  if (modeOf(run) !== "agreed") return;
  if (run.topology !== "full") {
    throw new KlatchError(
      "usage",
      `mode agreed needs a full topology, and run.topology is ${run.topology}`,
      "set run.topology to full, or run.mode to gossip",
    );
  }
  if (run.roster.length > 0) {
    throw new KlatchError(
      "usage",
      "mode agreed knows no run.roster: its members stay those of run.members",
      "leave run.roster out, or set run.mode to gossip",
    );
  }
}
