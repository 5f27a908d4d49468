import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { FetchFailure } from "../../gossip/index.ts";
import { EVIDENCE_KINDS, REASONS, STANDINGS } from "../../types.ts";
import { freeBytes } from "../folders/free-bytes.ts";
import { NODE_STATES } from "../records/record-schemas.ts";
import type { NodeStatus, RoundRecord } from "../records/records.ts";
import { VERSION } from "../version.ts";

/**
 * Every metric of a node; names are `klatch_<room>_<noun>_<unit>`, labels come from closed sets and never name a
 * peer. Those of the process and of Node have the names that dashboards know.
 */
export type Metrics = ReturnType<typeof createMetrics>;

/** Seconds from a tenth to a day, about three steps to a decade. */
const SECONDS = [
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 150, 300, 600],
  ...[1800, 3600, 7200, 14_400, 28_800, 86_400],
];

const FETCH_OUTCOMES = Object.keys({
  ok: true,
  timeout: true,
  unreachable: true,
  "digest-mismatch": true,
  "too-large": true,
  malformed: true,
  missing: true,
} satisfies Record<FetchFailure | "ok", true>);

/** Gauges by the name of counters, which linters refuse; the same by type have names that fit. */
const MISNAMED = ["handles", "requests", "resources"].map((what) => `nodejs_active_${what}_total`);

/** All metrics on a registry of their own, so that several nodes fit in one process. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const make = makers(registry);
  return { registry, ...nodeMetrics(make), ...roundMetrics(make), ...wireMetrics(make) };
}

/** Counts a round that is over. */
export function showRound(metrics: Metrics, record: RoundRecord): void {
  metrics.rounds.inc();
  metrics.roundSeconds.observe((record.endedAt - record.startedAt) / 1000);
  metrics.roundEnd.set(record.endedAt / 1000);
  metrics.lastMixed.set(record.mixed.length);
  metrics.lastRefused.set(record.refused.length);
  metrics.mixed.inc(record.mixed.length);
  if (record.agreed !== undefined) showAgreed(metrics, record.agreed);
  for (const { reason } of record.refused) metrics.refused.inc({ reason });
  metrics.trainLoss.set(record.trainLoss);
  if (record.heldOutLoss !== null) metrics.heldOutLoss.set(record.heldOutLoss);
}

function showAgreed(metrics: Metrics, agreed: NonNullable<RoundRecord["agreed"]>): void {
  metrics.lostViews.inc(agreed.view);
  if (agreed.certificateMs !== null) {
    metrics.certificateSeconds.observe(agreed.certificateMs / 1000);
  }
}

/** Brings up to date what follows from a node's status; the rest is counted where things happen. */
export function showStatus(metrics: Metrics, status: NodeStatus): void {
  metrics.run.reset();
  const { run, rule, model } = status;
  const named = model.origin?.id ?? model.digest.slice(0, 12);
  metrics.run.set({ run: run.slice(0, 12), rule, model: named }, 1);
  for (const state of NODE_STATES) metrics.state.set({ state }, state === status.state ? 1 : 0);
  metrics.round.set(Math.min(status.round + 1, status.rounds));
  metrics.plannedRounds.set(status.rounds);
  metrics.view.set(status.agreed?.view ?? 0);
  metrics.chainHeight.set(status.agreed?.blocks ?? 0);
  metrics.mixedRounds.set(status.mixedRounds);
  metrics.soloRounds.set(status.soloRounds);
  metrics.peers.set(status.peers.filter(({ connected }) => connected).length);
  metrics.unreachable.set(status.peers.filter(({ lastDial }) => lastDial !== null).length);
  countTo(metrics.sentBytes, status.bytesSent);
  countTo(metrics.receivedBytes, status.bytesReceived);
  if (status.trainLoss !== null) metrics.trainLoss.set(status.trainLoss);
  if (status.heldOutLoss !== null) metrics.heldOutLoss.set(status.heldOutLoss);
  const neighbours = status.peers.filter(({ neighbour }) => neighbour);
  for (const standing of STANDINGS) {
    const count = neighbours.filter((peer) => peer.standing === standing).length;
    metrics.standings.set({ standing }, count);
  }
}

/** Looks how much room the disk of the data folder has; a folder that cannot be asked keeps the last answer. */
export function showDisk({ diskFree }: Metrics, dataDir: string): void {
  const free = freeBytes(dataDir);
  if (free !== null) diskFree.set(free);
}

// --- internal ---

type Makers = ReturnType<typeof makers>;

function makers(registry: Registry) {
  const registers = [registry];
  return {
    counter: (name: string, help: string) => new Counter({ name, help, registers }),
    /** One count for each value of a label, all of them from the start. */
    counters<L extends string>(name: string, help: string, label: L, values: readonly string[]) {
      const made = new Counter({ name, help, labelNames: [label], registers });
      for (const value of values) made.inc({ [label]: value } as Record<L, string>, 0);
      return made;
    },
    gauge: <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
      new Gauge({ name, help, labelNames, registers }),
    seconds: (name: string, help: string) =>
      new Histogram({ name, help, buckets: SECONDS, registers }),
  };
}

function nodeMetrics({ gauge, counter, seconds }: Makers) {
  const build = gauge("klatch_build_info", "Version of Klatch and Node.", "version", "node");
  build.set({ version: VERSION, node: process.versions.node }, 1);
  return {
    run: gauge("klatch_run_info", "The run, by the beginning of its id.", "run", "rule", "model"),
    state: gauge("klatch_node_state", "1 for the state that the node is in.", "state"),
    diskFree: gauge("klatch_store_free_bytes", "Free space where the data folder lies."),
    trainSeconds: seconds("klatch_training_window_seconds", "Local training of one round."),
    trainTokens: counter("klatch_training_tokens_total", "Tokens trained on by this process."),
    trainLoss: gauge("klatch_training_loss_nats", "Training loss per token, last round."),
    heldOutLoss: gauge("klatch_training_held_out_loss_nats", "Held-out loss after the last mix."),
  };
}

function roundMetrics({ gauge, counter, counters, seconds }: Makers) {
  return {
    rounds: counter("klatch_consensus_rounds_total", "Rounds finished by this process."),
    round: gauge("klatch_consensus_round", "Round under way, counted from 1."),
    plannedRounds: gauge("klatch_consensus_planned_rounds", "Rounds of the run."),
    mixedRounds: gauge("klatch_consensus_mixed_rounds", "Rounds of the run that mixed updates."),
    soloRounds: gauge("klatch_consensus_solo_rounds", "Rounds of the run trained alone."),
    roundSeconds: seconds("klatch_consensus_round_seconds", "Duration of a round."),
    roundEnd: gauge(
      "klatch_consensus_last_round_timestamp_seconds",
      "When the last round ended, Unix time; 0 before the first.",
    ),
    lastMixed: gauge("klatch_consensus_last_round_mixed", "Updates mixed in the last round."),
    lastRefused: gauge("klatch_consensus_last_round_refused", "Updates refused in the last round."),
    view: gauge("klatch_consensus_view", "View of the open round, from 0; 0 in mode gossip."),
    chainHeight: gauge("klatch_consensus_chain_blocks", "Final blocks; 0 in mode gossip."),
    lostViews: counter("klatch_consensus_lost_views_total", "Views that ended without a block."),
    certificateSeconds: seconds(
      "klatch_consensus_certificate_seconds",
      "From a quorum of ballots to the certificate of a round.",
    ),
    mixed: counter("klatch_consensus_mixed_updates_total", "Updates of others that were mixed."),
    refused: counters(
      "klatch_consensus_refused_updates_total",
      "Updates of others that were not used, by reason.",
      "reason",
      REASONS,
    ),
  };
}

function wireMetrics({ gauge, counter, counters }: Makers) {
  return {
    peers: gauge("klatch_gossip_connected_peers", "Members connected now."),
    unreachable: gauge(
      "klatch_gossip_unreachable_peers",
      "Members that the last attempt to connect did not reach.",
    ),
    sentBytes: counter("klatch_gossip_sent_bytes_total", "Bytes sent, below encryption."),
    receivedBytes: counter("klatch_gossip_received_bytes_total", "Bytes received likewise."),
    fetches: counters(
      "klatch_gossip_fetches_total",
      "Payloads fetched from others: ok, or why not.",
      "outcome",
      FETCH_OUTCOMES,
    ),
    refusals: counters(
      "klatch_gossip_refusals_total",
      "Announcements that were not taken, by reason.",
      "reason",
      REASONS,
    ),
    evidence: counters(
      "klatch_reputation_evidence_total",
      "What peers were seen to do.",
      "kind",
      EVIDENCE_KINDS,
    ),
    standings: gauge("klatch_reputation_peers", "Neighbours by standing.", "standing"),
  };
}

/** Takes over a count that is kept elsewhere. */
function countTo(counter: Counter, total: number): void {
  counter.reset();
  counter.inc(total);
}
