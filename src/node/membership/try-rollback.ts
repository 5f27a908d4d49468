import { KlatchError } from "../../errors.ts";
import { isPeerId } from "../../gossip/index.ts";
import type { Digest } from "../../types.ts";
import { groundOf } from "../past/mixing-ground.ts";
import type { PastRuns } from "../past/past-runs.ts";
import { mixedAgain, type Without } from "../peer/agreed/rollback.ts";
import { digestOfPoint } from "../peer/manifest.ts";
import type { RollbackFile } from "./change-file.ts";
import type { KnownRun } from "./current-members.ts";

/**
 * A rollback that nobody has signed yet, with what the open round would start from after it, mixed from what this data
 * folder keeps.
 *
 * @throws KlatchError `usage` where it does not keep enough, by one line
 */
export function proposedRollback(runs: PastRuns, known: KnownRun, which: Without): RollbackFile {
  const { run, head } = known;
  const { height: at, decided } = head;
  if (!isPeerId(which.without)) {
    throw new KlatchError("usage", `no peer id: ${which.without}`, "see `klatch member list`");
  }
  const checkpoint = checkpointWithout(runs, run, which, at);
  const { peers: members } = head.members;
  const named = { kind: "rollback", run, members, number: decided.number } as const;
  return { ...named, ...which, at, checkpoint, signatures: {} };
}

/** @throws KlatchError `usage` where this data folder mixes the same rounds to another state, or does not keep them */
export function requireSame(runs: PastRuns, file: RollbackFile): void {
  const own = checkpointWithout(runs, file.run, file, file.at);
  if (own === file.checkpoint) return;
  throw new KlatchError(
    "usage",
    `these rounds mix to ${own} here, and the file says ${file.checkpoint}: it is not signed`,
    "ask who proposed it; compare `klatch status` and the keys of section run",
  );
}

/** Why this data folder is of no help for a rollback any more; null where it may be. */
export function lackFor(runs: PastRuns, { run, since }: RollbackFile): string | null {
  if (runs.keptRound(run, since) !== null) return null;
  return `round ${since + 1} is not kept here any more: this node cannot mix it, others may`;
}

// --- internal ---

function checkpointWithout(runs: PastRuns, run: Digest, which: Without, at: number): Digest {
  if (which.since >= at) {
    const what = `round ${which.since + 1} is not over: there is nothing to take back`;
    throw new KlatchError("usage", what, "--to names a round that is over, before the last");
  }
  const point = mixedAgain(groundOf(runs, run), which, at);
  if (typeof point !== "string") return digestOfPoint(point);
  const hint =
    "storage.keepRounds and storage.keepBytes say how much is kept; another member may keep more";
  throw new KlatchError("usage", point, hint);
}
