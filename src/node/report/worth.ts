import type { Learner } from "../../training/index.ts";
import type { Digest, PeerId } from "../../types.ts";
import { groundOf } from "../past/mixing-ground.ts";
import type { PastRuns } from "../past/past-runs.ts";
import { leaveOneOut } from "../peer/agreed/leave-one-out.ts";
import { mean } from "../view/quantities.ts";

/** What a member's updates were worth to this node, by leaving them out of single rounds. */
export interface Worth {
  /** Rounds that were mixed again without it. */
  readonly rounds: number;
  /** Of these, where its update lowered the loss on this node's own held-out rows. */
  readonly helped: number;
  /** Mean of the loss without it less the loss with it, nats per token; positive is of use. */
  readonly gain: number;
}

/** Rounds that are mixed again at most, evenly among those that are kept. */
const ROUNDS_MAX = 10;
/** Held-out rows that each mix is measured on, drawn anew in each round. */
const ROWS = 32;

/**
 * Leave-one-out on sampled rounds of a run in mode agreed (Ghorbani and Zou 2019, arXiv 1904.02868, section 2, has it beside
 * Shapley values): of each round that the folder keeps, or some of them, what the mix loses on own held-out rows without
 * each author. Empty without held-out rows, and where no round is kept.
 *
 * @param note - told why a round is passed over
 */
export async function worthOf(
  learner: Pick<Learner, "info" | "probe">,
  { runs, run }: { readonly runs: PastRuns; readonly run: Digest },
  note: (sentence: string) => void,
): Promise<ReadonlyMap<PeerId, Worth>> {
  if (learner.info.data.heldOut.examples === 0) return new Map();
  const gains = new Map<PeerId, number[]>();
  const ground = groundOf(runs, run);
  for (const round of evenly(runs.keptRounds(run), ROUNDS_MAX)) {
    const mixes = leaveOneOut(ground, round);
    if (typeof mixes === "string") {
      note(`contributions: ${mixes}`);
      continue;
    }
    const { whole, without } = mixes;
    const options = { round, rows: ROWS, step: 1 };
    const { base, stepped } = await learner.probe(whole, [...without.values()], options);
    for (const [i, peer] of [...without.keys()].entries()) {
      gains.set(peer, [...(gains.get(peer) ?? []), (stepped[i] as number) - base]);
    }
  }
  return new Map([...gains].map(([peer, all]) => [peer, summed(all)]));
}

// --- internal ---

/** So many of a list at most, the first and the last among them. */
function evenly(all: readonly number[], most: number): readonly number[] {
  if (all.length <= most) return all;
  const step = (all.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => all[Math.round(i * step)] as number);
}

function summed(gains: readonly number[]): Worth {
  const helped = gains.filter((gain) => gain > 0).length;
  return { rounds: gains.length, helped, gain: mean(gains) ?? 0 };
}
