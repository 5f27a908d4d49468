import { KlatchError } from "../../errors.ts";
import { isPeerId } from "../../gossip/index.ts";
import type { RosterChangeFile, SettingFile } from "./change-file.ts";
import type { KnownRun } from "./current-members.ts";

/** What is given on the command line. */
export interface Wishes {
  readonly rounds?: number | undefined;
  readonly steps?: number | undefined;
  /** Counted from 1. */
  readonly from?: number | undefined;
  /** Of a rollback: whose updates do not count, and the last round in which they do. */
  readonly without?: string | undefined;
  readonly to?: number | undefined;
}

/**
 * A change of the members that nobody has signed yet.
 *
 * @throws KlatchError `usage` where it names too few peers, or too many
 */
export function proposedChange(
  { run, head }: KnownRun,
  kind: string,
  [peer, fresh]: readonly (string | undefined)[],
): RosterChangeFile {
  if (kind !== "add" && kind !== "remove" && kind !== "rotate") {
    const what = `no change: ${kind}`;
    throw new KlatchError("usage", what, "one of add, remove, rotate, set, rollback");
  }
  if (peer === undefined || (kind === "rotate") !== (fresh !== undefined)) {
    const what = `${kind} takes ${kind === "rotate" ? "two peer ids" : "one peer id"}`;
    throw new KlatchError("usage", what, ID_HINT);
  }
  for (const id of [peer, ...(fresh === undefined ? [] : [fresh])]) {
    if (!isPeerId(id)) throw new KlatchError("usage", `no peer id: ${id}`, ID_HINT);
  }
  const { peers: members } = head.members;
  return { kind, run, members, peer, successor: fresh ?? null, consent: null, signatures: {} };
}

/**
 * A decision about the run that nobody has signed yet; what is not wished for stays.
 *
 * @throws KlatchError `usage` where nothing is wished for
 */
export function proposedDecision(known: KnownRun, wishes: Wishes): SettingFile {
  const { run, head } = known;
  const { rounds = known.rounds, steps = known.steps } = wishes;
  if (rounds === known.rounds && steps === known.steps) {
    const what = `the run has ${known.rounds} rounds, of ${known.steps} steps: nothing is to be set`;
    throw new KlatchError("usage", what, "name --rounds, --steps or both");
  }
  const next = head.height + 1;
  // steps that are decided for a later round stay with it
  const pending = wishes.steps === undefined ? (head.decided.newest?.from ?? 0) : 0;
  const from = wishes.from === undefined ? Math.max(next, pending) : wishes.from - 1;
  const { peers: members } = head.members;
  const { number } = head.decided;
  return { kind: "set", run, members, number, rounds, steps, from, signatures: {} };
}

// --- internal ---

const ID_HINT = "`klatch init` prints that of a node";
