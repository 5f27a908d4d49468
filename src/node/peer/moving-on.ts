import {
  difference,
  firstPoint,
  normOf,
  type OuterTerms,
  outerStep,
} from "../../consensus/index.ts";
import type { Config } from "../config/config.ts";
import { isBearable, type MixOutcome } from "./judging.ts";
import type { PeerLearner } from "./ports.ts";

/** A round of mode `gossip` that is mixed. */
export interface MixedRound {
  /** The state that it began from. */
  readonly start: Float32Array;
  /** The own state after training. */
  readonly own: Float32Array;
  readonly outcome: MixOutcome;
  /** What is remembered of the rounds before; null for nothing. */
  readonly velocity: Float32Array | null;
}

/** Where the next round begins. */
export interface MovedOn {
  readonly adapter: Float32Array;
  readonly velocity: Float32Array | null;
  readonly heldOutLoss: number | null;
  /** Whether the mix was kept as it is, because the step would have ruined the private held-out loss. */
  readonly refusedStep: boolean;
}

/**
 * The outer step of mode `gossip`: momentum over what this node's own rounds moved it by, training and mix together, as
 * NoLoCo has it (arXiv 2506.10911). What is remembered is no longer than what this round's own training would come to if
 * it went on for ever: however far apart the neighbours are, and whatever they say, that bounds it. A round that mixed
 * nothing of others has no outer step.
 */
export async function moveOn(
  learner: Pick<PeerLearner, "evaluate" | "info">,
  { start, own, outcome, velocity }: MixedRound,
  { outer, gate }: { readonly outer: OuterTerms; readonly gate: Config["gate"] },
): Promise<MovedOn> {
  const { adapter, heldOutLoss, mixed } = outcome;
  const asMixed = { adapter, velocity, heldOutLoss, refusedStep: false };
  if (isNoStep(outer)) return { ...asMixed, velocity: null };
  if (mixed.length === 0) return asMixed;
  const point = firstPoint(start, outer);
  const before = velocity === null ? point : { ...point, velocity };
  const normMax = normOf(difference(own, start)) / (1 - outer.momentum);
  const next = outerStep(before, difference(adapter, start), outer, normMax);
  const after = { adapter: next.theta, velocity: next.velocity, refusedStep: false };
  if (heldOutLoss === null) return { ...after, heldOutLoss };
  const { loss } = await learner.evaluate(next.theta, "held-out");
  return isBearable(gate, loss, heldOutLoss)
    ? { ...after, heldOutLoss: loss }
    : { ...asMixed, velocity: null, refusedStep: true };
}

// --- internal ---

/** Whether the step leads to the mix itself. */
function isNoStep({ rate, momentum }: OuterTerms): boolean {
  return rate === 1 && momentum === 0;
}
