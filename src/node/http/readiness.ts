import type { NodeStatus } from "../records/records.ts";

/** What is said of a node that loads its model, and has nothing to show yet. */
export const STARTING = "starting";

/** Rounds that a node may be behind most of its neighbours and still be in step with them. */
const BEHIND_MAX = 1;

/**
 * Whether the node works in step with others, as probes ask: 200, or 503. Nothing in between, which they would read as
 * ready. A finished node serves what slower peers need, and is ready.
 */
export function readiness(status: NodeStatus): 200 | 503 {
  switch (status.state) {
    case "running":
      return isInStep(status) ? 200 : 503;
    case "finished":
      return 200;
    case "joining":
    case "alone":
    case "stopping":
    case "stopped":
      return 503;
  }
}

// --- internal ---

/** Not behind the rounds that most of the connected neighbours announced; at its ease where none has. */
function isInStep({ round, peers }: NodeStatus): boolean {
  const theirs = peers
    .filter(({ connected, neighbour }) => connected && neighbour)
    .flatMap((peer) => (peer.round === null ? [] : [peer.round]))
    .sort((a, b) => a - b);
  const median = theirs[Math.floor((theirs.length - 1) / 2)];
  return median === undefined || round + BEHIND_MAX >= median;
}
