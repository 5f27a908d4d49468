import { type ChainHead, genesis, headAfter } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { decodeEntry } from "../../gossip/index.ts";
import type { Digest, PeerId } from "../../types.ts";
import type { PastRuns } from "../past/past-runs.ts";
import { attackersMinOf, firstMembers, membersOf } from "../peer/agreed/members-of.ts";
import { attackersMinIn, membersOf as membersIn } from "../proof/run-terms.ts";

/** A run in mode `agreed` as a data folder knows it. */
export interface KnownRun {
  readonly run: Digest;
  /** Where its chain ends here. */
  readonly head: Pick<ChainHead, "height" | "members">;
  /** Liars that the members are to bear whoever leaves. */
  readonly attackersMin: number;
}

/**
 * The run of a data folder whose id begins so, or the last one, with its members after the last final block here.
 *
 * @throws KlatchError `usage` where there is none, or nothing is agreed in it
 */
export function knownRun(runs: PastRuns, beginning: string | undefined): KnownRun {
  const run = beginning === undefined ? runs.ids()[0] : runs.find(beginning);
  const terms = run === undefined ? null : (runs.record(run)?.terms ?? null);
  if (run === undefined || terms === null) {
    throw new KlatchError("usage", `${runs.folder} holds no run`, "begin one with `klatch start`");
  }
  const first = membersIn(terms);
  if (first === null) {
    const what = `run ${run.slice(0, 12)} is in mode gossip, whose members are those of its configuration`;
    throw new KlatchError("usage", what, "write run.roster, alike on every peer");
  }
  const attackersMin = attackersMinIn(terms) ?? attackersMinOf("auto", first.length);
  return { run, head: headOf(runs, run, first), attackersMin };
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
