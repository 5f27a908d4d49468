import type { PeerId } from "../../types.ts";
import { distance } from "./contributions.ts";

/** Another peer's state that a node may take over. */
export interface AdoptionCandidate {
  readonly peer: PeerId;
  readonly state: Float32Array;
}

/**
 * The state that a late node goes on from: the mean of those that support each other best. Around each candidate
 * stands a group of its nearest, more than half of all and more than b, so that honest ones are among them; the
 * tightest group counts. With liars in it, the mean lies as far from an honest state as the group is wide at most.
 *
 * @returns the mean and whose states it is of; null for b candidates or fewer, who may all be liars
 */
export function adoptedState(
  candidates: readonly AdoptionCandidate[],
  attackersMax: number,
): { readonly state: Float32Array; readonly peers: readonly PeerId[] } | null {
  if (candidates.length <= attackersMax) return null;
  const size = Math.max(attackersMax + 1, Math.floor(candidates.length / 2) + 1);
  const ordered = [...candidates].sort((a, b) => (a.peer < b.peer ? -1 : 1));
  const groups = ordered.map((centre) => groupAround(centre, ordered, size));
  const tightest = groups.reduce((best, group) => (group.width < best.width ? group : best));
  return { state: meanOf(tightest.members), peers: tightest.members.map(({ peer }) => peer) };
}

// --- internal ---

interface Group {
  readonly members: readonly AdoptionCandidate[];
  /** Distance of the farthest member from the centre. */
  readonly width: number;
}

function groupAround(
  centre: AdoptionCandidate,
  all: readonly AdoptionCandidate[],
  size: number,
): Group {
  const nearest = all
    .map((candidate) => ({ candidate, at: distance(centre.state, candidate.state) }))
    .sort((a, b) => a.at - b.at || (a.candidate.peer < b.candidate.peer ? -1 : 1))
    .slice(0, size);
  return {
    members: nearest.map(({ candidate }) => candidate),
    width: nearest.at(-1)?.at ?? Number.POSITIVE_INFINITY,
  };
}

function meanOf(members: readonly AdoptionCandidate[]): Float32Array {
  const [first] = members;
  const mean = new Float32Array(first?.state.length ?? 0);
  for (let i = 0; i < mean.length; i += 1) {
    let sum = 0;
    for (const { state } of members) sum += state[i] ?? 0;
    mean[i] = sum / members.length;
  }
  return mean;
}
