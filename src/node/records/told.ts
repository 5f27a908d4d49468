import type { NodeStatus, PeerStatus } from "./records.ts";

/*
 * Rounds are counted from 0 in the protocol, the store and all code, and from 1 wherever people or their programs read
 * them: tables, JSON, logs, metrics, reports. Here is the border.
 */

/** A status as it is told; `roundsDone` says what the last `round` leaves open: whether it is over. */
export function toldStatus(status: NodeStatus): NodeStatus {
  const { round: roundsDone, rounds, peers } = status;
  const round = Math.min(roundsDone + 1, rounds);
  return { ...status, round, roundsDone, peers: peers.map(toldPeer) };
}

/** A status as the code has it, from one that was told. */
export function heardStatus(told: NodeStatus): NodeStatus {
  const { roundsDone = told.round - 1, ...status } = told;
  return { ...status, round: roundsDone, peers: told.peers.map(heardPeer) };
}

/** A peer with the last round that it announced, counted from 1. */
export function toldPeer(peer: PeerStatus): PeerStatus {
  return { ...peer, round: peer.round === null ? null : peer.round + 1 };
}

/** What happened in a round, that counted from 1. */
export function toldRecord<T extends { readonly round: number }>(record: T): T {
  return { ...record, round: record.round + 1 };
}

// --- internal ---

function heardPeer(peer: PeerStatus): PeerStatus {
  return { ...peer, round: peer.round === null ? null : peer.round - 1 };
}
