import type { Certificate } from "../../consensus/index.ts";
import { score, standing } from "../../reputation/index.ts";
import { VERSION } from "../version.ts";
import type { NodeStatus, PeerStatus } from "./contract.ts";
import type { Driver } from "./driver.ts";
import type { DriverDeps } from "./driver-deps.ts";

/** What a status is put together from. */
export interface StatusSources {
  readonly deps: DriverDeps;
  readonly driver: Driver;
  readonly certificate: Certificate;
  readonly startedAt: number;
  readonly stopping: boolean;
  readonly finished: boolean;
  readonly refusals: ReadonlyMap<string, number>;
}

/** The state of a node at this moment, as `/status` and `klatch status` show it. */
export function nodeStatus(sources: StatusSources): NodeStatus {
  const { deps, driver, certificate, startedAt, refusals } = sources;
  const { network, config, run } = deps;
  const { phase, round, waitingFor, deadline } = driver.describe();
  const { sent, received } = network.traffic();
  const { info } = deps.learner;
  return {
    version: VERSION,
    peerId: network.peerId,
    run,
    addresses: network.addresses(),
    startedAt,
    state: stateOf(sources),
    phase,
    round,
    rounds: config.run.rounds,
    waitingFor,
    deadline,
    ...driver.work.losses,
    rule: config.run.rule,
    attackersMax: deps.attackersMax,
    certifiedAttackers: certificate.attackersMax,
    model: { digest: info.modelDigest, origin: info.modelOrigin },
    data: info.data,
    bytesSent: sent,
    bytesReceived: received,
    peers: peerStatuses(deps, driver),
    refusals: Object.fromEntries(refusals),
  };
}

// --- internal ---

function stateOf({ stopping, finished, deps }: StatusSources): NodeStatus["state"] {
  if (stopping) return "stopping";
  if (finished) return "finished";
  const connected = new Set(deps.network.peers().map(({ peer }) => peer));
  return deps.neighbours.length === 0 || deps.neighbours.some((peer) => connected.has(peer))
    ? "running"
    : "joining";
}

function peerStatuses(deps: DriverDeps, driver: Driver): readonly PeerStatus[] {
  const connections = new Map(deps.network.peers().map((peer) => [peer.peer, peer]));
  const rounds = deps.book.newestRounds();
  const neighbours = new Set(deps.neighbours);
  const refused = new Map(driver.work.refused.map(({ peer, reason }) => [peer, reason]));
  return deps.config.run.members
    .filter((peer) => peer !== deps.network.peerId)
    .map((peer) => {
      const connection = connections.get(peer);
      return {
        peer,
        connected: connection !== undefined,
        neighbour: neighbours.has(peer),
        standing: standing(deps.ledger.current, peer),
        score: score(deps.ledger.current, peer),
        round: rounds.get(peer) ?? null,
        lastReason: refused.get(peer) ?? null,
        roundTripMs: connection?.roundTripMs ?? null,
        gossipScore: connection?.gossipScore ?? null,
      };
    });
}
