import { mix } from "../consensus/index.ts";
import { judgeGate } from "../reputation/index.ts";
import type { Learner } from "../training/index.ts";
import type { MixingRule, PeerId } from "../types.ts";

/** A neighbour's state as it arrived, with the share that topology and standing give it. */
export interface Candidate {
  readonly peer: PeerId;
  readonly state: Float32Array;
  readonly share: number;
}

export interface MixRequest {
  readonly round: number;
  readonly own: Float32Array;
  readonly candidates: readonly Candidate[];
  readonly rule: MixingRule;
  /** Neighbours that may lie. */
  readonly attackersMax: number;
  /** The share of one neighbour in full standing. */
  readonly fullShare: number;
  readonly gate: {
    readonly enabled: boolean;
    readonly rows: number;
    readonly step: number;
    readonly marginMin: number;
    readonly madFactor: number;
  };
}

export interface MixOutcome {
  readonly adapter: Float32Array;
  readonly mixed: readonly { readonly peer: PeerId; readonly share: number }[];
  readonly vetoed: readonly PeerId[];
  /** Relative loss gain of a small step towards each candidate; private, never sent. */
  readonly gains: ReadonlyMap<PeerId, number>;
}

/**
 * Judges what has arrived on private held-out examples, then mixes what is left. A vetoed neighbour's share falls to the
 * node's own state: falling back on oneself is always allowed, taking in a liar for want of others never is.
 */
export async function judgeAndMix(
  learner: Pick<Learner, "probe" | "info">,
  request: MixRequest,
): Promise<MixOutcome> {
  const { own, rule, attackersMax, fullShare } = request;
  const candidates = request.candidates.filter(({ share }) => share > 0);
  const { vetoed, gains } = await gate(learner, request, candidates);
  const contributions = candidates.filter(({ peer }) => !vetoed.includes(peer));
  const adapter = mix(rule, {
    own,
    contributions,
    attackersMax,
    attackerShare: attackersMax * fullShare,
  });
  const mixed = contributions.map(({ peer, share }) => ({ peer, share }));
  return { adapter, mixed, vetoed, gains };
}

// --- internal ---

async function gate(
  learner: Pick<Learner, "probe" | "info">,
  { round, own, gate: options, attackersMax }: MixRequest,
  candidates: readonly Candidate[],
): Promise<Pick<MixOutcome, "vetoed" | "gains">> {
  const idle = !options.enabled || learner.info.data.heldOut.examples === 0;
  if (idle || candidates.length === 0) return { vetoed: [], gains: new Map() };
  const probe = await learner.probe(
    own,
    candidates.map(({ state }) => state),
    { round, rows: options.rows, step: options.step },
  );
  const peers = candidates.map(({ peer }) => peer);
  const verdict = judgeGate({
    ...probe,
    peers,
    vetoesMax: attackersMax,
    marginMin: options.marginMin,
    madFactor: options.madFactor,
  });
  const gains = new Map(peers.map((peer, i) => [peer, verdict.gains[i] as number]));
  return { vetoed: verdict.vetoed, gains };
}
