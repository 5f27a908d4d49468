import { mix } from "../../consensus/index.ts";
import { judgeGate } from "../../reputation/index.ts";
import type { Learner } from "../../training/index.ts";
import type { MixingRule, PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";

/** One neighbour in a mix. */
export interface Candidate {
  readonly peer: PeerId;
  /** Its state as it arrived; null when nothing usable did. */
  readonly state: Float32Array | null;
  /** Share by topology. */
  readonly share: number;
  /** Factor in [0, 1] from its standing; 0 for the isolated and the evicted. */
  readonly trust: number;
}

export interface MixRequest {
  readonly round: number;
  readonly own: Float32Array;
  /** Every neighbour, also those that sent nothing. */
  readonly candidates: readonly Candidate[];
  readonly rule: MixingRule;
  /** Neighbours that may lie. */
  readonly attackersMax: number;
  readonly gate: Config["gate"];
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
  /** The mix would have ruined the private held-out loss, and the own state was kept. */
  readonly refusedMix: boolean;
}

type MixLearner = Pick<Learner, "probe" | "evaluate" | "info">;

/**
 * Judges what has arrived on private held-out examples, then mixes what is left.
 *
 * The share of a neighbour that sent nothing falls to the node itself. The shares of those it excludes (vetoed, isolated,
 * evicted) are spread over the others, but never more than b of them: a peer that is alone with liars keeps its own state.
 */
export async function judgeAndMix(learner: MixLearner, request: MixRequest): Promise<MixOutcome> {
  const { own, rule, attackersMax, candidates } = request;
  const { vetoed, gains } = await gate(learner, request);
  const boost = boostOf(candidates, vetoed, attackersMax);
  const contributions = usable(candidates)
    .filter(({ peer }) => !vetoed.includes(peer))
    .map(({ peer, state, share, trust }) => ({ peer, state, share: share * trust * boost }));
  const attackerShare = attackersMax * boost * largestShare(candidates);
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

// --- internal ---

/** Loss that is always put up with, nats: twice next to nothing is still nothing. */
const RUIN_SLACK = 0.1;

function usable(candidates: readonly Candidate[]) {
  return candidates.flatMap(({ state, ...rest }) =>
    state === null || rest.trust === 0 ? [] : [{ ...rest, state }],
  );
}

function largestShare(candidates: readonly Candidate[]): number {
  return Math.max(0, ...candidates.map(({ share }) => share));
}

/** What the shares of those that stay are multiplied by, so that exclusion does not slow everyone's consensus down. */
function boostOf(
  candidates: readonly Candidate[],
  vetoed: readonly PeerId[],
  attackersMax: number,
): number {
  const massOf = (list: readonly Candidate[]) => list.reduce((sum, { share }) => sum + share, 0);
  const total = massOf(candidates);
  const excluded = massOf(
    candidates.filter(({ peer, trust }) => trust === 0 || vetoed.includes(peer)),
  );
  const spread = Math.min(excluded, attackersMax * largestShare(candidates));
  return spread < total ? total / (total - spread) : 1;
}

async function gate(
  learner: MixLearner,
  { round, own, gate: options, attackersMax, candidates }: MixRequest,
): Promise<Pick<MixOutcome, "vetoed" | "gains">> {
  const arrived = usable(candidates);
  const idle = !options.enabled || learner.info.data.heldOut.examples === 0;
  if (idle || arrived.length === 0) return { vetoed: [], gains: new Map() };
  const probe = await learner.probe(
    own,
    arrived.map(({ state }) => state),
    { round, rows: options.rows, step: options.step },
  );
  const peers = arrived.map(({ peer }) => peer);
  const excluded = candidates.filter(({ trust }) => trust === 0).length;
  const vetoesMax = Math.max(0, attackersMax - excluded);
  const verdict = judgeGate({ ...options, ...probe, peers, vetoesMax });
  const gains = new Map(peers.map((peer, i) => [peer, verdict.gains[i] as number]));
  return { vetoed: verdict.vetoed, gains };
}

/** The loss of the own state when the mix made the loss ruinously worse, else null. */
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
