import { byPeer, type MakeMembers, type Members, quorumOf } from "../../../consensus/index.ts";
import { rosterDigest } from "../../../gossip/index.ts";
import type { Digest, PeerId } from "../../../types.ts";
import { digestOf } from "../manifest.ts";

/** How peers become the members of a run: their digest, and turns by a digest that none of them can shape. */
export function membersOf(run: Digest): MakeMembers {
  return (peers) => ({ peers, digest: rosterDigest(peers), turns: turnsOf(run, peers) });
}

/** The members that a run begins with. */
export function firstMembers(run: Digest, peers: readonly PeerId[]): Members {
  return membersOf(run)([...peers].sort(byPeer));
}

/** Liars that members are to bear whoever leaves: as many as the run says, or as its first members bear. */
export function attackersMinOf(attackersMax: number | "auto", first: number): number {
  return attackersMax === "auto" ? quorumOf(first).faulty : attackersMax;
}

// --- internal ---

function turnsOf(run: Digest, roster: readonly PeerId[]): readonly number[] {
  const digests = roster.map((peer) => digestOf(`${run} ${peer}`));
  return [...roster.keys()].sort((a, b) => byPeer(digests[a] ?? "", digests[b] ?? ""));
}
