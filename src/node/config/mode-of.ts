import {
  CODECS_WITH_FEEDBACK,
  codecOf,
  isVarying,
  outerTermsOf,
  parseTopology,
} from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { rankOf } from "../../training/index.ts";
import type { RunMode } from "../../types.ts";
import type { Config } from "./config.ts";
import { rosterOf } from "./roster-of.ts";

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
  if (modeOf(run) === "gossip") {
    requireWholeUpdates(run);
    requireLastingNeighbours(run);
    requireSteadyMomentum(run);
  } else {
    requireFixedMembers(run);
    requireAlignedValues(run);
  }
}

/**
 * Whoever has other neighbours in every round is connected to all of them: who is dialled does not follow the graph.
 *
 * @throws KlatchError `usage` when a node may not be connected to that many
 */
export function requireConnections({ run, network }: Pick<Config, "run" | "network">): void {
  const others = rosterOf(run).everyone.length - 1;
  if (!isVarying(parseTopology(run.topology)) || others <= network.maxPeers) return;
  throw new KlatchError(
    "usage",
    `topology ${run.topology} exchanges with ${others} members in turn, and network.maxPeers is ${network.maxPeers}`,
    `set network.maxPeers to ${others} or more, or run.topology to regular:K`,
  );
}

/**
 * Ranks may differ in mode agreed: in mode gossip the slices that a node leaves out would not get past it.
 *
 * @throws KlatchError `usage` when a node cannot train the rank that it names, or a run cannot have several
 */
export function requireRanks({ run, training }: Pick<Config, "run" | "training">): void {
  const { kind } = run.adapter;
  const most = rankOf(run);
  const least = run.rankMin ?? most;
  const own = training.rank ?? most;
  const isSaid = run.rankMin !== null || training.rank !== null;
  const areSeveral = Math.min(least, own) < most;
  const table: readonly (readonly [boolean, string, string])[] = [
    [
      isSaid && !WITH_RANKS.has(kind),
      `an adapter of kind ${kind} has no rank to take a part of`,
      "leave run.rankMin and training.rank out, or set run.adapter.kind to lora",
    ],
    [
      least > most,
      `run.rankMin is ${least}, and the run has rank ${most}`,
      `set run.rankMin to ${most} or less: run.adapter.rank names the largest`,
    ],
    [
      own > most,
      `training.rank is ${own}, and the run has rank ${most}`,
      `set training.rank to ${most} or less: run.adapter.rank names the largest`,
    ],
    [
      areSeveral && modeOf(run) === "gossip",
      "mode gossip has one rank for all",
      "leave run.rankMin and training.rank out, or set run.mode to agreed",
    ],
    [
      own < least,
      `training.rank is ${own}, and the run takes no rank below ${least}`,
      `set training.rank to ${least} or more, or run.rankMin lower on every member`,
    ],
    [
      areSeveral && run.codec === "masked",
      "codec masked tells the same values of all, which several ranks do not have",
      "leave run.rankMin out, or set run.codec to sign",
    ],
  ];
  const refused = table.find(([isSo]) => isSo);
  if (refused === undefined) return;
  throw new KlatchError("usage", refused[1], refused[2]);
}

const WITH_RANKS: ReadonlySet<string> = new Set(["lora", "rslora", "dora"]);

/** By coordinate nothing is left of updates of which most values are zero: the median of those is. */
const BY_COORDINATE: ReadonlySet<string> = new Set(["median", "trimmed-mean"]);
const OWN_PLACES: ReadonlySet<string> = new Set(["ternary", "sparse"]);

function requireAlignedValues({ codec, agreedRule }: Config["run"]): void {
  if (!OWN_PLACES.has(codec) || !BY_COORDINATE.has(agreedRule)) return;
  throw new KlatchError(
    "usage",
    `codec ${codec} tells other values of each member, of which rule ${agreedRule} leaves next to nothing`,
    "set run.codec to masked or sign, or run.agreedRule to check-twins",
  );
}

function requireFixedMembers(run: Config["run"]): void {
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
      "mode agreed knows no run.roster: a quorum of its members changes them (`klatch member`)",
      "leave run.roster out, or set run.mode to gossip",
    );
  }
}

const OF_SOME_VALUES: ReadonlySet<string> = new Set(["ternary", "sparse", "masked"]);

/** Rules of mode gossip compare states, of which an update of some values is too small a part. */
function requireWholeUpdates({ codec }: Config["run"]): void {
  if (!OF_SOME_VALUES.has(codec)) return;
  throw new KlatchError(
    "usage",
    `mode gossip takes updates of all values, and codec ${codec} tells some of them`,
    "set run.codec to sign or int8, or run.mode to agreed",
  );
}

/** A track is followed from round to round; of a neighbour of one round it would be pulled whole. */
function requireLastingNeighbours(run: Config["run"]): void {
  const { topology } = run;
  const codec = codecOf(run);
  if (!CODECS_WITH_FEEDBACK.has(codec) || !isVarying(parseTopology(topology))) return;
  throw new KlatchError(
    "usage",
    `codec ${codec} needs neighbours that stay, and topology ${topology} has others in every round`,
    "set run.codec to int8, or run.topology to exponential, regular:K or full",
  );
}

/** What signs lose of a state keeps peers apart in mode gossip, and momentum over it drives them further. */
function requireSteadyMomentum(run: Config["run"]): void {
  const { momentum } = outerTermsOf(run, "gossip");
  if (momentum === 0 || codecOf(run) !== "sign") return;
  throw new KlatchError(
    "usage",
    `in mode gossip momentum drives peers apart that tell signs, and run.outer.momentum is ${momentum}`,
    "set run.outer.momentum to auto or 0, run.codec to int2, or run.mode to agreed",
  );
}
