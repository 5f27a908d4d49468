import type { Health, NodeStatus } from "../records/records.ts";

/** Rounds that a node may be behind most of its neighbours and still be in step with them. */
const BEHIND_MAX = 1;

/**
 * How a node is, as whoever looks after it asks: 200 in step with others or finished, 206 at work and not in step, 503
 * at its end. Why, in words.
 */
export function healthOf(status: NodeStatus): { readonly code: 200 | 206 | 503; health: Health } {
  const { state } = status;
  const [code, reason] = judged(status);
  return { code, health: { state, reason } };
}

/**
 * Whether the node works in step with others, as probes ask: 200, or 503. Nothing in between, which they would read as
 * ready. A finished node serves what slower peers need, and is ready.
 */
export function readiness(status: NodeStatus): 200 | 503 {
  return judged(status)[0] === 200 ? 200 : 503;
}

// --- internal ---

function judged(status: NodeStatus): readonly [200 | 206 | 503, string | null] {
  switch (status.state) {
    case "running":
      return isInStep(status) ? [200, null] : [206, "catches up with the others"];
    case "finished":
      return [200, null];
    case "joining":
      return [206, "has met no other member yet"];
    case "alone":
      return [206, "is connected with no other member any more"];
    case "stopping":
    case "stopped":
      return [503, "stops"];
  }
}

/** Not behind the rounds that most of the connected neighbours announced; at its ease where none has. */
function isInStep({ round, peers }: NodeStatus): boolean {
  const theirs = peers
    .filter(({ connected, neighbour }) => connected && neighbour)
    .flatMap((peer) => (peer.round === null ? [] : [peer.round]))
    .sort((a, b) => a - b);
  const median = theirs[Math.floor((theirs.length - 1) / 2)];
  return median === undefined || round + BEHIND_MAX >= median;
}
