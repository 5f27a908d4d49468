import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Every metric of a node; names are `klatch_<room>_<noun>_<unit>`, labels come from closed sets and never name a peer. */
export type Metrics = ReturnType<typeof createMetrics>;

/** Seconds from a tenth to ten minutes, about three steps to a decade. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 150, 300, 600];

/** All metrics on a registry of their own, so that several nodes fit in one process. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "klatch_process_" });
  const registers = [registry];
  return {
    registry,
    rounds: new Counter({
      name: "klatch_consensus_rounds_total",
      help: "Rounds finished by this process.",
      registers,
    }),
    round: new Gauge({
      name: "klatch_consensus_round",
      help: "Round under way, counted from 0.",
      registers,
    }),
    roundSeconds: new Histogram({
      name: "klatch_consensus_round_seconds",
      help: "Duration of a round.",
      buckets: SECONDS,
      registers,
    }),
    evidence: new Counter({
      name: "klatch_reputation_evidence_total",
      help: "What peers were seen to do.",
      labelNames: ["kind"] as const,
      registers,
    }),
    standings: new Gauge({
      name: "klatch_reputation_peers",
      help: "Neighbours by standing.",
      labelNames: ["standing"] as const,
      registers,
    }),
    refusals: new Counter({
      name: "klatch_gossip_refusals_total",
      help: "Announcements and payloads refused, by reason.",
      labelNames: ["reason"] as const,
      registers,
    }),
    fetches: new Counter({
      name: "klatch_gossip_fetches_total",
      help: "Payload fetches by outcome: ok or why not.",
      labelNames: ["outcome"] as const,
      registers,
    }),
    peers: new Gauge({
      name: "klatch_gossip_connected_peers",
      help: "Peers connected now.",
      registers,
    }),
    sentBytes: new Gauge({
      name: "klatch_gossip_sent_bytes",
      help: "Bytes sent since start.",
      registers,
    }),
    receivedBytes: new Gauge({
      name: "klatch_gossip_received_bytes",
      help: "Bytes received since start.",
      registers,
    }),
    trainSeconds: new Histogram({
      name: "klatch_training_window_seconds",
      help: "Time that local training of a round takes.",
      buckets: SECONDS,
      registers,
    }),
    trainTokens: new Counter({
      name: "klatch_training_tokens_total",
      help: "Tokens trained on by this process.",
      registers,
    }),
    trainLoss: new Gauge({
      name: "klatch_training_loss_nats",
      help: "Mean training loss of the last round, nats per token.",
      registers,
    }),
    heldOutLoss: new Gauge({
      name: "klatch_training_held_out_loss_nats",
      help: "Loss on private held-out examples after the last mix, nats per token.",
      registers,
    }),
  };
}
