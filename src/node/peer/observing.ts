import { advance, observe, standing as standingOf } from "../../reputation/index.ts";
import type { Evidence, PeerId } from "../../types.ts";
import type { PeerParts } from "./peer-parts.ts";

/** Notes what peers did, in the ledger and in the store; returns those whose standing is another now. */
export function noteEvidence(
  { ledger, store, run, metrics, log, tell }: PeerParts,
  evidence: readonly Evidence[],
): readonly PeerId[] {
  const { current: before } = ledger;
  ledger.current = observe(before, ...evidence);
  for (const each of evidence) {
    metrics.evidence.inc({ kind: each.kind });
    if (each.kind === "timely") continue;
    store.appendEvidence(run, each);
    tell({ ...each, type: "evidence" });
    log.debug({ ...each }, "evidence");
  }
  const peers = [...new Set(evidence.map((each) => each.peer))];
  return peers.filter((peer) => standingOf(ledger.current, peer) !== standingOf(before, peer));
}

/** Lets time pass for the ledger until a round; returns those of these peers whose standing is another now. */
export function passTime(
  { ledger }: Pick<PeerParts, "ledger">,
  round: number,
  peers: readonly PeerId[],
): readonly PeerId[] {
  const { current: before } = ledger;
  ledger.current = advance(before, round);
  return peers.filter((peer) => standingOf(ledger.current, peer) !== standingOf(before, peer));
}

/** Notes what peers did, and acts on every standing that it changes. */
export function takeEvidence(parts: PeerParts, evidence: readonly Evidence[]): void {
  for (const peer of noteEvidence(parts, evidence)) applyStanding(parts, peer);
}

/** Parts from a peer that is evicted; says a standing that is not full. */
export function applyStanding({ ledger, network, log, tell }: PeerParts, peer: PeerId) {
  const standing = standingOf(ledger.current, peer);
  tell({ type: "peer", peer, change: standing });
  if (standing === "evicted") network.ban(peer);
  if (standing !== "full") log.warn({ peer, standing }, "standing changed");
  return standing;
}
