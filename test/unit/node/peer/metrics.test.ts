import { expect, test } from "vitest";
import { createMetrics, showStatus } from "../../../../src/node/peer/metrics.ts";
import { EVIDENCE_KINDS, STANDINGS } from "../../../../src/types.ts";
import { PEERS, sampleStatus } from "../node-samples.ts";

test("every metric says its room, what it counts and in what unit, and helps", async () => {
  const { registry } = createMetrics();
  const metrics = await registry.getMetricsAsJSON();

  for (const { name, help } of metrics) {
    expect(name).toMatch(
      /^klatch_(consensus|gossip|reputation|training|process|nodejs)_[a-z0-9_]+$/,
    );
    expect(help).not.toBe("");
  }
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
  showStatus(metrics, sampleStatus({ round: 5, heldOutLoss: 1.25 }));

  const text = await metrics.registry.metrics();

  expect(text).toContain("klatch_consensus_round 5");
  expect(text).toContain("klatch_gossip_connected_peers 1");
  expect(text).toContain("klatch_training_held_out_loss_nats 1.25");
  for (const standing of STANDINGS) {
    expect(text).toContain(
      `klatch_reputation_peers{standing="${standing}"} ${standing === "full" ? 1 : 0}`,
    );
  }
  for (const peer of PEERS) expect(text).not.toContain(peer);
});
