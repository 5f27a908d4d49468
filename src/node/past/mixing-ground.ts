import { genesis, headAfter } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { decodeEntry } from "../../gossip/index.ts";
import { layoutIn } from "../../training/index.ts";
import type { Digest } from "../../types.ts";
import { runSection } from "../config/run-section.ts";
import { firstMembers, membersOf } from "../peer/agreed/members-of.ts";
import type { RollbackGround } from "../peer/agreed/rollback.ts";
import { digestOfPoint } from "../peer/manifest.ts";
import { openAgreedUpdates } from "../peer/ports.ts";
import { membersOf as membersIn } from "../proof/run-terms.ts";
import type { PastRuns } from "./past-runs.ts";

const NO_RANKS = { tensors: [], length: 0 };
const mixingTerms = runSection
  .pick({ agreedRule: true, outer: true, codec: true, seed: true, feedback: true, warmUp: true })
  .extend({ rankMin: runSection.shape.rankMin })
  .loose();

/**
 * What a data folder has of a run in mode agreed, so that its rounds can be mixed again.
 *
 * @throws KlatchError `usage` where it does not say what the run was
 */
export function groundOf(runs: PastRuns, run: Digest): RollbackGround {
  const record = runs.record(run);
  const terms = record?.terms;
  const members = terms && membersIn(terms);
  if (!terms || !members) throw new KlatchError("usage", "the run is not known here", "name --run");
  const section = mixingTerms.parse(terms.run);
  const links = runs.chain(run).flatMap((bytes) => decodeEntry(bytes) ?? []);
  // what the seeded state is only the first kept round tells
  const first = runs.keptRound(run, 0);
  const start = first === null ? "" : digestOfPoint(first);
  // runs of earlier versions have one rank, and say nothing of their layout
  const layout = layoutIn(record.layout ?? [], terms.layout) ?? NO_RANKS;
  return {
    ...{ updates: openAgreedUpdates({ run: section }, layout), run: section, runId: run },
    headBelow: (height) =>
      headAfter(
        genesis(run, start, firstMembers(run, members)),
        links.slice(0, height),
        membersOf(run),
      ),
    links: (from) => links.slice(from),
    keptRound: (round) => runs.keptRound(run, round),
  };
}
