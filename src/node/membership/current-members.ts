import { type ChainHead, genesis, headAfter } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { decodeEntry } from "../../gossip/index.ts";
import type { Digest, PeerId } from "../../types.ts";
import type { PastRuns } from "../past/past-runs.ts";
import { attackersMinOf, firstMembers, membersOf } from "../peer/agreed/members-of.ts";
import { attackersMinIn, membersOf as membersIn, stepsIn } from "../proof/run-terms.ts";

/** A run in mode `agreed` as a data folder knows it. */
export interface KnownRun {
  readonly run: Digest;
  /** Where its chain ends here. */
  readonly head: Pick<ChainHead, "height" | "members" | "decided">;
  /** Liars that the members are to bear whoever leaves. */
  readonly attackersMin: number;
  /** Rounds of the run and steps a round: as the members have decided last, else as this node was configured. */
  readonly rounds: number;
  readonly steps: number;
}

/**
 * The run of a data folder whose id begins so, or the last one, with its members after the last final block here.
 *
 * @throws KlatchError `usage` where there is none, or nothing is agreed in it
 */
export function knownRun(runs: PastRuns, beginning: string | undefined): KnownRun {
  const run = beginning === undefined ? runs.ids()[0] : runs.find(beginning);
  const record = run === undefined ? null : runs.record(run);
  const terms = record?.terms ?? null;
  if (run === undefined || record === null || terms === null) {
    throw new KlatchError("usage", `${runs.folder} holds no run`, "begin one with `klatch start`");
  }
  const first = membersIn(terms);
  if (first === null) {
    const what = `run ${run.slice(0, 12)} is in mode gossip, whose members are those of its configuration`;
    throw new KlatchError("usage", what, "write run.roster, alike on every peer");
  }
  const attackersMin = attackersMinIn(terms) ?? attackersMinOf("auto", first.length);
  const head = headOf(runs, run, first);
  const { rounds, steps } = head.decided.newest ?? {
    rounds: record.status.rounds,
    steps: stepsIn(terms),
  };
  return { run, head, attackersMin, rounds, steps };
}

// --- internal ---

function headOf(runs: PastRuns, run: Digest, first: readonly PeerId[]): KnownRun["head"] {
  let head = genesis(run, "", firstMembers(run, first));
  for (const bytes of runs.chain(run)) {
    const entry = decodeEntry(bytes);
    if (entry?.block.height !== head.height) break;
    head = headAfter(head, [entry], membersOf(run));
  }
  return head;
}
