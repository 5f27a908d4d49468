import { type Candidate, mix, sharesOf, usable } from "../../consensus/index.ts";
import { judgeGate, rowsToJudge } from "../../reputation/index.ts";
import type { MixingRule, PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";
import type { PeerLearner } from "./ports.ts";

export interface MixRequest {
  readonly round: number;
  readonly own: Float32Array;
  /** Every neighbour, also those that sent nothing. */
  readonly candidates: readonly Candidate[];
  readonly rule: MixingRule;
  /** Neighbours that may lie. */
  readonly attackersMax: number;
  readonly gate: Config["gate"];
  /** Examples that the round's training takes. */
  readonly trained: number;
  /** Held-out loss when the round began; null when it is not known. */
  readonly heldOutBefore: number | null;
}

export interface MixOutcome {
  readonly adapter: Float32Array;
  readonly mixed: readonly { readonly peer: PeerId; readonly share: number }[];
  readonly vetoed: readonly PeerId[];
  /** Relative loss gain of a step towards each candidate; private, never sent. */
  readonly gains: ReadonlyMap<PeerId, number>;
  readonly heldOutLoss: number | null;
  /** Whether the own state was kept, because the mix would have ruined the private held-out loss. */
  readonly refusedMix: boolean;
}

type MixLearner = Pick<PeerLearner, "probe" | "evaluate" | "info">;

/** Judges the candidates on private held-out examples, then mixes those that are left. */
export async function judgeAndMix(learner: MixLearner, request: MixRequest): Promise<MixOutcome> {
  const { own, rule, attackersMax, candidates } = request;
  const { vetoed, gains } = await gate(learner, request);
  const { contributions, attackerShare } = sharesOf(candidates, vetoed, attackersMax);
  const adapter = mix(rule, { own, contributions, attackersMax, attackerShare });
  const mixed = contributions.map(({ peer, share }) => ({ peer, share }));
  if (learner.info.data.heldOut.examples === 0) {
    return { adapter, mixed, vetoed, gains, heldOutLoss: null, refusedMix: false };
  }
  const { loss: heldOutLoss } = await learner.evaluate(adapter, "held-out");
  const ownLoss = await lossIfRuined(learner, request, heldOutLoss);
  if (ownLoss === null) return { adapter, mixed, vetoed, gains, heldOutLoss, refusedMix: false };
  return { adapter: own, mixed: [], vetoed, gains, heldOutLoss: ownLoss, refusedMix: true };
}

/**
 * The held-out loss of a state that is not ruinously worse than the own one; null of one that is. No loss without
 * examples.
 */
export async function lossIfBearable(
  learner: MixLearner,
  gate: Config["gate"],
  own: Float32Array,
  other: Float32Array,
): Promise<{ readonly loss: number | null } | null> {
  if (learner.info.data.heldOut.examples === 0) return { loss: null };
  const { loss } = await learner.evaluate(other, "held-out");
  if (!gate.enabled) return { loss };
  const { loss: ownLoss } = await learner.evaluate(own, "held-out");
  return isBearable(gate, loss, ownLoss) ? { loss } : null;
}

/** Whether a held-out loss is not ruinously worse than another; whoever does not judge bears any. */
export function isBearable(
  { enabled, ruinFactor }: Config["gate"],
  loss: number,
  other: number,
): boolean {
  return !enabled || loss <= ruinFactor * other + RUIN_SLACK;
}

// --- internal ---

/** A rise of the loss that is never ruin, nats: twice a loss of almost nothing is still almost nothing. */
const RUIN_SLACK = 0.1;

async function gate(
  learner: MixLearner,
  { round, own, gate: options, trained, attackersMax, candidates }: MixRequest,
): Promise<Pick<MixOutcome, "vetoed" | "gains">> {
  const arrived = usable(candidates);
  const idle = !options.enabled || learner.info.data.heldOut.examples === 0;
  if (idle || arrived.length === 0) return { vetoed: [], gains: new Map() };
  const rows = rowsToJudge(options.rows, { updates: arrived.length, trained });
  const states = arrived.map(({ state }) => state);
  const probe = await learner.probe(own, states, { round, rows, step: options.step });
  const peers = arrived.map(({ peer }) => peer);
  const excluded = candidates.filter(({ trust }) => trust === 0).length;
  const vetoesMax = Math.max(0, attackersMax - excluded);
  const verdict = judgeGate({ ...options, ...probe, peers, vetoesMax });
  const gains = new Map(peers.map((peer, i) => [peer, verdict.gains[i] as number]));
  return { vetoed: verdict.vetoed, gains };
}

/** The own state's loss where the mix ruined the held-out loss, else null. */
async function lossIfRuined(
  learner: MixLearner,
  { own, gate: options, heldOutBefore }: MixRequest,
  mixedLoss: number,
): Promise<number | null> {
  const bound = (loss: number) => options.ruinFactor * loss + RUIN_SLACK;
  if (!options.enabled || (heldOutBefore !== null && mixedLoss <= bound(heldOutBefore)))
    return null;
  const { loss: ownLoss } = await learner.evaluate(own, "held-out");
  const reference = heldOutBefore === null ? ownLoss : Math.max(heldOutBefore, ownLoss);
  return mixedLoss <= bound(reference) || heldOutBefore === null ? null : ownLoss;
}
