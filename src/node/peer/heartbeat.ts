import type { NodeStatus } from "../records/records.ts";

/** Peers named in one line; the others are counted. */
const NAMED_MAX = 4;

/** The fields of a heartbeat line: where the node is, how well it is connected, and what it waits for until when. */
export function heartbeat(status: NodeStatus, now: number): Record<string, string | number> {
  const { round, rounds, state, phase, peers, waitingFor, deadline, trainLoss } = status;
  const connected = peers.filter((peer) => peer.connected).length;
  return {
    round: `${Math.min(round + 1, rounds)}/${rounds}`,
    state: state === "running" ? phase : state,
    peers: `${connected}/${peers.length}`,
    ...(trainLoss === null ? {} : { loss: Number(trainLoss.toFixed(4)) }),
    ...(waitingFor.length === 0 ? {} : { waitingFor: named(waitingFor) }),
    ...(deadline === null ? {} : { secondsLeft: Math.max(0, Math.ceil((deadline - now) / 1000)) }),
  };
}

// --- internal ---

function named(peers: readonly string[]): string {
  const names = peers.slice(0, NAMED_MAX).map((peer) => `…${peer.slice(-8)}`);
  const more = peers.length - names.length;
  return more > 0 ? `${names.join(" ")} and ${more} more` : names.join(" ");
}
