import type { ConnectedPeer } from "../../gossip/index.ts";
import { opinion, score, standing } from "../../reputation/index.ts";
import { certainOffset } from "../acquaintance/clock-offset.ts";
import { type MemberFacts, whyNotMixed } from "../acquaintance/why-not-mixed.ts";
import type { PeerStatus } from "../records/records.ts";
import type { RoundNeighbourhood } from "./neighbourhoods.ts";
import type { PeerParts } from "./peer-parts.ts";
import type { RunDriver } from "./run-driver.ts";

/** The other members of a round, as the node sees them. */
export function memberStatuses(
  parts: PeerParts,
  driver: RunDriver,
  { members, neighbours }: RoundNeighbourhood,
): readonly PeerStatus[] {
  const { network, ledger, acquaintances } = parts;
  const connections = new Map(network.peers().map((peer) => [peer.peer, peer]));
  const failures = network.dialFailures();
  const rounds = parts.book.newestRounds();
  const { lastRound, round } = driver.state;
  const refused = new Map([...(lastRound?.refused ?? []), ...round.refusals]);
  const isFinished = driver.describe().phase === "done";
  const isNeighbour = new Set(neighbours);
  const others = members.filter((peer) => peer !== network.peerId);
  return others.map((peer) => {
    const connection = connections.get(peer) ?? null;
    const acquaintance = acquaintances.of(peer);
    const facts = {
      isMixed: lastRound === null ? null : lastRound.mixed.has(peer),
      isFinished,
      isNeighbour: isNeighbour.has(peer),
      standing: standing(ledger.current, peer),
      connection,
      lastDial: failures.get(peer) ?? null,
      soughtAt: network.soughtAt(peer),
      acquaintance,
      clockTrouble: acquaintance && acquaintances.clockTrouble(acquaintance),
      refused: refused.get(peer) ?? null,
      announced: rounds.get(peer) ?? null,
      round: driver.round,
    };
    const reason = whyNotMixed(facts);
    return {
      peer,
      ...connectionFields(connection),
      ...acquaintanceFields(facts, reason),
      neighbour: facts.isNeighbour,
      standing: facts.standing,
      score: score(ledger.current, peer),
      opinion: opinion(ledger.current, peer),
      round: facts.announced,
      lastReason: facts.refused,
      lastDial: facts.lastDial && addressAndReason(facts.lastDial),
      reason,
    };
  });
}

// --- internal ---

type Fields<Key extends keyof PeerStatus> = Pick<PeerStatus, Key>;

function connectionFields(
  connection: ConnectedPeer | null,
): Fields<"connected" | "direction" | "address" | "roundTripMs" | "gossipScore" | "traffic"> {
  return {
    connected: connection !== null,
    direction: connection?.direction ?? null,
    address: connection?.address ?? null,
    roundTripMs: connection?.roundTripMs ?? null,
    gossipScore: connection?.gossipScore ?? null,
    traffic: connection?.traffic ?? null,
  };
}

function acquaintanceFields(
  { acquaintance, clockTrouble }: Pick<MemberFacts, "acquaintance" | "clockTrouble">,
  reason: string | null,
): Fields<"version" | "clockOffsetMs" | "notes" | "barrier" | "left"> {
  const { version = null, clock = null, hasLeft: left = false } = acquaintance ?? {};
  return {
    version,
    clockOffsetMs: clock && certainOffset(clock),
    left,
    barrier: acquaintance?.barrier != null || clockTrouble?.isBarrier === true,
    notes: [...(acquaintance?.notes ?? []), ...(clockTrouble ? [clockTrouble.words] : [])].filter(
      (note) => note !== reason,
    ),
  };
}

function addressAndReason(failure: { readonly address: string; readonly reason: string }) {
  return { address: failure.address, reason: failure.reason };
}
