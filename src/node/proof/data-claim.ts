import { KlatchError } from "../../errors.ts";
import type { Digest } from "../../types.ts";
import { PastRuns } from "../past/past-runs.ts";
import { digestOfPoint, digestOfState } from "../peer/manifest.ts";
import type { RunRecord } from "../records/records.ts";
import type { Claim } from "./claim.ts";

/**
 * What a node's data folder says of a run: the one whose id begins so, or the last. A node may run there.
 *
 * @throws KlatchError `usage` where there is no such run, or nothing is agreed in it; `data` where there is none at all
 */
export function readDataClaim(folder: string, beginning: string | null): Claim {
  const problems: string[] = [];
  const runs = new PastRuns(folder, (sentence) => problems.push(sentence));
  try {
    const ids = runs.ids();
    const run = beginning === null ? ids[0] : runs.find(beginning);
    if (run === undefined) {
      throw new KlatchError("data", `${folder} holds no run`, "name a node's data folder");
    }
    const record = runs.record(run);
    requireAgreed(run, record);
    const terms = record?.terms ?? null;
    if (record !== null && terms === null) problems.push("run.json does not say the run's terms");
    // the block of a checkpoint is kept before it: what a running node adds meanwhile does no harm
    const adapters = adaptersOf(runs, run, problems);
    const chain = attempt(problems, () => runs.chain(run)) ?? [];
    const gap = chain.findIndex(({ height }, index) => height !== index);
    if (gap >= 0) problems.push(`round ${gap + 1}: its block is missing`);
    return {
      ...{ run, terms, from: 0, levels: null, changes: [], adapters, problems },
      chain: gap < 0 ? chain : chain.slice(0, gap),
      notes: ids.length > 1 && beginning === null ? [`of ${ids.length} runs this is the last`] : [],
    };
  } finally {
    runs.close();
  }
}

// --- internal ---

function requireAgreed(run: Digest, record: RunRecord | null): void {
  if (record === null || record.status.mode === "agreed") return;
  throw new KlatchError(
    "usage",
    `run ${run.slice(0, 12)} is in mode gossip, where every peer has its own adapter and nothing is agreed`,
    "`klatch runs` lists others; name one with --run",
  );
}

function adaptersOf(runs: PastRuns, run: Digest, problems: string[]): Claim["adapters"] {
  const kept = attempt(problems, () => runs.checkpoints(run)) ?? [];
  return kept.flatMap(({ number: rounds }) => {
    const checkpoint = attempt(problems, () => runs.checkpoint(run, rounds));
    if (checkpoint === null) return [];
    const { adapter: theta, memory } = checkpoint;
    const { velocity = null } = memory;
    const digest = digestOfState(theta);
    return [{ rounds, digest, checkpoint: digestOfPoint({ theta, velocity }) }];
  });
}

/** What cannot be read is damaged, which is a finding and no failure. */
function attempt<T>(problems: string[], read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KlatchError && error.code === "disk")) throw error;
    problems.push(error.message);
    return null;
  }
}
