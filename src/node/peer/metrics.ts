import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { STANDINGS } from "../../types.ts";
import type { NodeStatus, RoundRecord } from "../records/records.ts";

/**
 * Every metric of a node; names are `klatch_<room>_<noun>_<unit>`, labels come from closed sets and never name a
 * peer.
 */
export type Metrics = ReturnType<typeof createMetrics>;

/** Seconds from a tenth to ten minutes, about three steps to a decade. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 150, 300, 600];

/** All metrics on a registry of their own, so that several nodes fit in one process. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "klatch_" });
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const seconds = (name: string, help: string) =>
    new Histogram({ name, help, buckets: SECONDS, registers });

  return {
    registry,
    rounds: counter("klatch_consensus_rounds_total", "Rounds finished by this process."),
    round: gauge("klatch_consensus_round", "Round under way, counted from 0."),
    roundSeconds: seconds("klatch_consensus_round_seconds", "Duration of a round."),
    evidence: counter("klatch_reputation_evidence_total", "What peers were seen to do.", "kind"),
    standings: gauge("klatch_reputation_peers", "Neighbours by standing.", "standing"),
    refusals: counter("klatch_gossip_refusals_total", "Refusals.", "verdict", "reason"),
    fetches: counter("klatch_gossip_fetches_total", "Fetches: ok or why not.", "outcome"),
    peers: gauge("klatch_gossip_connected_peers", "Peers connected now."),
    sentBytes: gauge("klatch_gossip_sent_bytes", "Bytes sent since start."),
    receivedBytes: gauge("klatch_gossip_received_bytes", "Bytes received since start."),
    trainSeconds: seconds("klatch_training_window_seconds", "Local training of one round."),
    trainTokens: counter("klatch_training_tokens_total", "Tokens trained on by this process."),
    trainLoss: gauge("klatch_training_loss_nats", "Training loss per token, last round."),
    heldOutLoss: gauge("klatch_training_held_out_loss_nats", "Held-out loss after the last mix."),
  };
}

/** Counts a round that is over. */
export function showRound(metrics: Metrics, record: RoundRecord): void {
  metrics.rounds.inc();
  metrics.roundSeconds.observe((record.endedAt - record.startedAt) / 1000);
  metrics.trainLoss.set(record.trainLoss);
  if (record.heldOutLoss !== null) metrics.heldOutLoss.set(record.heldOutLoss);
}

/** Brings the gauges up to date with a node's status; counters and histograms are kept where things happen. */
export function showStatus(metrics: Metrics, status: NodeStatus): void {
  metrics.round.set(status.round);
  metrics.peers.set(status.peers.filter(({ connected }) => connected).length);
  metrics.sentBytes.set(status.bytesSent);
  metrics.receivedBytes.set(status.bytesReceived);
  if (status.trainLoss !== null) metrics.trainLoss.set(status.trainLoss);
  if (status.heldOutLoss !== null) metrics.heldOutLoss.set(status.heldOutLoss);
  const neighbours = status.peers.filter(({ neighbour }) => neighbour);
  for (const standing of STANDINGS) {
    const count = neighbours.filter((peer) => peer.standing === standing).length;
    metrics.standings.set({ standing }, count);
  }
}
