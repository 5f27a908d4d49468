import type { NodeEvent, NodeStatus, PeerStatus } from "./records.ts";

/*
 * Rounds are counted from 0 in the protocol, the store and all code, and from 1 wherever people or their programs read
 * them: tables, JSON, logs, metrics, reports. Here is the border.
 */

/** A status as it is told; `roundsDone` says what the last `round` leaves open: whether it is over. */
export function toldStatus(status: NodeStatus): NodeStatus {
  const { round: roundsDone, rounds, peers } = status;
  const round = Math.min(roundsDone + 1, rounds);
  return { ...status, round, roundsDone, peers: peers.map(toldPeer), ...counted(status, 1) };
}

/** A status as the code has it, from one that was told. */
export function heardStatus(told: NodeStatus): NodeStatus {
  const { roundsDone = told.round - 1, ...status } = told;
  return { ...status, round: roundsDone, peers: told.peers.map(heardPeer), ...counted(told, -1) };
}

/** A peer with the last round that it announced, counted from 1. */
export function toldPeer(peer: PeerStatus): PeerStatus {
  return { ...peer, round: peer.round === null ? null : peer.round + 1 };
}

/** What happened in a round, that counted from 1. */
export function toldRecord<T extends Counted & { readonly round: number }>(record: T): T {
  return { ...record, round: record.round + 1, ...counted(record, 1) };
}

/** An event, its round counted from 1. */
export function toldEvent(event: NodeEvent): NodeEvent {
  switch (event.type) {
    case "phase":
      return { ...event, round: event.round + 1 };
    case "round":
    case "evidence":
      return toldRecord(event);
    case "state":
    case "peer":
      return event;
  }
}

// --- internal ---

/** What may say from which round on something was decided. */
interface Counted {
  readonly agreed?: {
    readonly decided?: { readonly from: number } | null;
  } | null;
}

/** With the round from which on something was decided counted from another number. */
function counted<T extends Counted>({ agreed }: T, by: number): Pick<T, "agreed"> | object {
  if (agreed?.decided == null) return {};
  const { decided } = agreed;
  return { agreed: { ...agreed, decided: { ...decided, from: decided.from + by } } };
}

function heardPeer(peer: PeerStatus): PeerStatus {
  return { ...peer, round: peer.round === null ? null : peer.round - 1 };
}
