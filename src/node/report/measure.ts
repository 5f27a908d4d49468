import { type AloneEvent, type Learner, trainAlone } from "../../training/index.ts";
import type { Evaluation } from "../../types.ts";

/** What a run is compared with, on one set of the node's own examples. */
export interface Comparison {
  readonly set: "held-out" | "test";
  readonly examples: number;
  /** The state that the run began from. */
  readonly base: Evaluation;
  /** As many steps on the node's own rows alone; null where that was not asked for. */
  readonly localOnly: Evaluation | null;
  readonly federated: Evaluation;
}

export interface MeasuredStates {
  readonly begin: Float32Array;
  readonly federated: Float32Array;
}

/**
 * Compares the states of a run on the learner's own sets. Training alone starts where the run did, takes as many steps
 * as the run had, and keeps the best state that it comes by.
 *
 * @param alone - steps to train alone; null to leave that out
 */
export async function compare(
  learner: Learner,
  { begin, federated }: MeasuredStates,
  alone: { readonly steps: number; readonly show: (event: AloneEvent) => void } | null,
): Promise<readonly Comparison[]> {
  const local = alone === null ? null : await trainedAlone(learner, begin, alone);
  const { heldOut, test } = learner.info.data;
  const sets = [
    { set: "held-out", examples: heldOut.examples },
    { set: "test", examples: test.examples },
  ] as const;
  const made: Comparison[] = [];
  for (const { set, examples } of sets.filter((each) => each.examples > 0)) {
    const at = (adapter: Float32Array) => learner.evaluate(adapter, set);
    const [base, localOnly] = [await at(begin), local === null ? null : await at(local)];
    made.push({ set, examples, base, localOnly, federated: await at(federated) });
  }
  return made;
}

// --- internal ---

/** Evaluations on the way, of which the best state is kept. */
const LOOKS = 10;

async function trainedAlone(
  learner: Learner,
  adapter: Float32Array,
  { steps, show }: { readonly steps: number; readonly show: (event: AloneEvent) => void },
): Promise<Float32Array> {
  const evaluateEvery = Math.max(1, Math.ceil(steps / LOOKS));
  let best = adapter;
  for await (const event of trainAlone(learner, { steps, evaluateEvery, patience: 0, adapter })) {
    show(event);
    if (event.kind === "end") best = event.result.adapter;
  }
  return best;
}
