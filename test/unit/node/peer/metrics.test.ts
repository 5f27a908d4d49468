import { expect, test } from "vitest";
import {
  createMetrics,
  showDisk,
  showRound,
  showStatus,
} from "../../../../src/node/peer/metrics.ts";
import { EVIDENCE_KINDS, REASONS, STANDINGS } from "../../../../src/types.ts";
import { complaints, parseExposition } from "../../../support/exposition.ts";
import { PEERS, sampleRound, sampleStatus } from "../node-samples.ts";

test("every metric says its room, what it counts and in what unit, and helps", async () => {
  const { registry } = createMetrics();
  const metrics = await registry.getMetricsAsJSON();

  for (const { name, help } of metrics) {
    expect(name).toMatch(
      /^(klatch_(build|run|node|store|consensus|gossip|reputation|training)|process|nodejs)_[a-z0-9_]+$/,
    );
    expect(help.length).toBeGreaterThan(5);
  }
});

test("what Prometheus reads passes its linter", async () => {
  const metrics = createMetrics();
  showStatus(metrics, sampleStatus());
  showRound(metrics, sampleRound(0));
  showDisk(metrics, ".");

  const families = parseExposition(await metrics.registry.metrics());

  expect(families.length).toBeGreaterThan(40);
  expect(families.flatMap(complaints)).toEqual([]);
});

test("the linter complains (control)", () => {
  const text = [
    ...["# HELP a_total Things.", "# TYPE a_total gauge", "a_total 1"],
    ...["# HELP b Things that are.", "# TYPE b counter", "b 1"],
    ...["# TYPE c gauge", "c 1", "# HELP d_ms Things that are.", "# TYPE d_ms gauge", "d_ms 1"],
  ];

  expect(parseExposition(text.join("\n")).flatMap(complaints)).toEqual([
    "a_total: a gauge by the name of a counter",
    "b: a counter without _total",
    "c: no help",
    "d_ms: an abbreviated unit",
  ]);
});

test("dashboards for Node find what they ask for, by its own name", async () => {
  const text = await createMetrics().registry.metrics();

  for (const name of [
    ...["process_cpu_user_seconds_total", "process_resident_memory_bytes"],
    ...["process_start_time_seconds", "nodejs_eventloop_lag_seconds", "nodejs_version_info"],
    ...["nodejs_heap_size_total_bytes", "nodejs_heap_size_used_bytes", "nodejs_active_handles"],
  ]) {
    expect(text).toContain(`# TYPE ${name} `);
  }
});

test("every count is there from the start, at 0", async () => {
  const { registry } = createMetrics();
  const text = await registry.metrics();

  for (const name of [
    ...["klatch_consensus_rounds_total", "klatch_consensus_mixed_updates_total"],
    ...["klatch_gossip_sent_bytes_total", "klatch_training_tokens_total"],
    ...REASONS.map((reason) => `klatch_gossip_refusals_total{reason="${reason}"}`),
    ...REASONS.map((reason) => `klatch_consensus_refused_updates_total{reason="${reason}"}`),
    ...EVIDENCE_KINDS.map((kind) => `klatch_reputation_evidence_total{kind="${kind}"}`),
    ...["ok", "timeout"].map((outcome) => `klatch_gossip_fetches_total{outcome="${outcome}"}`),
  ]) {
    expect(text).toContain(`${name} 0\n`);
  }
  // A round may take half a day.
  expect(text).toContain('klatch_consensus_round_seconds_bucket{le="28800"} 0');
});

test("a round that is over is counted, with what it mixed and refused", async () => {
  const metrics = createMetrics();
  showRound(metrics, sampleRound(1));
  showRound(metrics, {
    ...sampleRound(2),
    mixed: [],
    refused: [{ peer: PEERS[1], reason: "late" }],
  });

  const text = await metrics.registry.metrics();

  expect(text).toContain("klatch_consensus_rounds_total 2");
  expect(text).toContain("klatch_consensus_mixed_updates_total 1");
  expect(text).toContain('klatch_consensus_refused_updates_total{reason="late"} 1');
  expect(text).toContain("klatch_consensus_last_round_mixed 0");
  expect(text).toContain("klatch_consensus_last_round_refused 1");
  expect(text).toContain("klatch_consensus_last_round_timestamp_seconds 2.5");
});

test("two nodes in one process count apart", async () => {
  const [a, b] = [createMetrics(), createMetrics()];
  a.rounds.inc();

  expect((await a.rounds.get()).values[0]?.value).toBe(1);
  expect((await b.rounds.get()).values[0]?.value).toBe(0);
});

test("gauges follow the status, and no label names a peer", async () => {
  const metrics = createMetrics();
  for (const kind of EVIDENCE_KINDS) metrics.evidence.inc({ kind });
  showStatus(metrics, sampleStatus({ bytesSent: 3 }));
  showStatus(metrics, sampleStatus({ round: 5, heldOutLoss: 1.25 }));

  const text = await metrics.registry.metrics();

  expect(text).toContain("klatch_consensus_round 6\n");
  expect(text).toContain("klatch_consensus_planned_rounds 10");
  expect(text).toContain("klatch_gossip_sent_bytes_total 2048");
  expect(text).toContain('klatch_node_state{state="running"} 1');
  expect(text).toContain('klatch_node_state{state="alone"} 0');
  expect(text).toMatch(/klatch_build_info\{version="[0-9.]+",node="[0-9.]+"\} 1/);
  expect(text).toContain(
    'klatch_run_info{run="aaaaaaaaaaaa",rule="cs-plus",model="dddddddddddd"} 1',
  );
  expect(text).toContain("klatch_gossip_connected_peers 1");
  expect(text).toContain("klatch_training_held_out_loss_nats 1.25");
  for (const standing of STANDINGS) {
    expect(text).toContain(
      `klatch_reputation_peers{standing="${standing}"} ${standing === "full" ? 1 : 0}`,
    );
  }
  for (const peer of PEERS) expect(text).not.toContain(peer);
});
