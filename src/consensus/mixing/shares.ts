import type { PeerId } from "../../types.ts";
import type { Contribution } from "./contributions.ts";

/** A neighbour before it is judged. */
export interface Candidate {
  readonly peer: PeerId;
  /** Its state as it arrived; null when nothing usable did. */
  readonly state: Float32Array | null;
  /** Share by topology. */
  readonly share: number;
  /** Factor in [0, 1] from its standing; 0 for the isolated and the evicted. */
  readonly trust: number;
}

/** A candidate that sent something usable and is in some standing. */
export type UsableCandidate = Candidate & { readonly state: Float32Array };

export function usable(candidates: readonly Candidate[]): readonly UsableCandidate[] {
  return candidates.flatMap((candidate) =>
    candidate.state === null || candidate.trust === 0
      ? []
      : [{ ...candidate, state: candidate.state }],
  );
}

/**
 * The contributions that judged candidates become.
 *
 * The share of a neighbour that sent nothing falls to the node itself. The shares of those it excludes (vetoed,
 * isolated, evicted) are spread over the others, but never more than b of them: a peer that is alone with liars keeps
 * its own state.
 *
 * @returns contributions, and the total share that attackers may hold among them
 */
export function sharesOf(
  candidates: readonly Candidate[],
  vetoed: readonly PeerId[],
  attackersMax: number,
): {
  readonly contributions: readonly Contribution[];
  readonly attackerShare: number;
} {
  const largest = Math.max(0, ...candidates.map(({ share }) => share));
  const boost = boostOf(candidates, vetoed, attackersMax * largest);
  return {
    contributions: usable(candidates)
      .filter(({ peer }) => !vetoed.includes(peer))
      .map(({ peer, state, share, trust }) => ({ peer, state, share: share * trust * boost })),
    attackerShare: attackersMax * boost * largest,
  };
}

// --- internal ---

/** What the shares of those that stay are multiplied by, so that exclusion does not slow everyone's consensus down. */
function boostOf(
  candidates: readonly Candidate[],
  vetoed: readonly PeerId[],
  spreadMax: number,
): number {
  const massOf = (list: readonly Candidate[]) => list.reduce((sum, { share }) => sum + share, 0);
  const total = massOf(candidates);
  const excluded = massOf(
    candidates.filter(({ peer, trust }) => trust === 0 || vetoed.includes(peer)),
  );
  const spread = Math.min(excluded, spreadMax);
  return spread < total ? total / (total - spread) : 1;
}
