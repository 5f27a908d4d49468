import { describe, expect, test } from "vitest";
import { describeStatus } from "../../../src/node/commands/status.ts";
import { loadConfig } from "../../../src/node/config/load.ts";
import { createStatusServer } from "../../../src/node/http/status-server.ts";
import { stoppedStatus } from "../../../src/node/past/stopped-status.ts";
import { createMetrics, showRound, showStatus } from "../../../src/node/peer/metrics.ts";
import type { NodeStatus, RoundRecord } from "../../../src/node/records/records.ts";
import { runCommand } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { PEERS, samplePeer, sampleRound, sampleSource, sampleStatus } from "./node-samples.ts";

const HEAD = "e".repeat(64);
const peers = [samplePeer(), samplePeer({ peer: "peer-3" }), samplePeer({ peer: "peer-4" })];
const agreed = {
  ...{ view: 1, proposer: PEERS[1], ballots: 4, votes: 2, quorum: 3 },
  ...{ blocks: 2, head: HEAD, headAt: 10_000 },
};
const inAgreed = (change: Partial<NodeStatus> = {}): NodeStatus =>
  sampleStatus({ mode: "agreed", agreed, peers, rule: "check-twins", phase: "vote", ...change });
const round: RoundRecord = {
  ...sampleRound(1),
  agreed: {
    ...{ block: HEAD, view: 2, ballots: 4, cut: 3, share: 0.375 },
    ...{ blockBytes: 607, certificateBytes: 305, certificateMs: 250 },
  },
};

/** What a command prints of a node with this status and these rounds. */
async function printed(command: readonly string[], rounds: readonly RoundRecord[]) {
  const dataDir = temporaryFolder();
  const { status: section } = loadConfig({ cwd: dataDir, flags: { "status.port": "0" } });
  const source = sampleSource({ status: () => inAgreed(), rounds: () => rounds });
  const server = createStatusServer(section, { source, metrics: createMetrics(), dataDir });
  await server.start(new AbortController().signal);
  try {
    return (await runCommand([...command, "--url", server.url ?? ""])).stdout;
  } finally {
    await server.stop();
  }
}

describe("a node in mode agreed", () => {
  test("tells its quorum, the end of its chain and how far the vote is", async () => {
    const lines = describeStatus(inAgreed({ certifiedAttackers: 1 }), 40_000);

    expect(lines).toContain("mode      agreed, a quorum is 3 of 4 members");
    expect(lines).toContain("rule      check-twins, up to 1 of them may lie");
    expect(lines).toContain(`chain     block 2, 30 s old: ${HEAD}`);
    expect(lines).toContain("view      1, proposed by …gbiD1uqM, 4 ballots, 2 votes of 3");
    expect(lines.join("\n")).toMatch(/waits {5}for …\w+, at most 1 s more/);
    expect(await printed(["status", "--json"], [])).toContain(`"head":"${HEAD}"`);
  });

  test("says so where a quorum is not there", () => {
    const [one, ...others] = peers;
    const gone = [...others.map((peer) => ({ ...peer, connected: false })), one ?? samplePeer()];
    const mode = (change: Partial<NodeStatus>) =>
      describeStatus(inAgreed({ peers: gone, ...change }), 40_000).find((line) =>
        line.startsWith("mode "),
      );

    expect(mode({})).toMatch(/members; 2 are here, so the round stays open$/);
    expect(mode({ state: "stopped" })).toMatch(/members$/);
  });

  test("has no block to tell of before the first, and no view before there is a vote", () => {
    const first = { ...agreed, blocks: 0, headAt: null, view: 0 };
    const lines = describeStatus(inAgreed({ agreed: first, phase: "train" }), 40_000).join("\n");

    expect(lines).toContain("chain     no block yet");
    expect(lines).not.toContain("view");
    // control: mode gossip knows neither
    expect(describeStatus(sampleStatus(), 40_000).join("\n")).not.toMatch(/^(chain|mode) |quorum/m);
  });

  test("leaves behind where its chain ended, as the last round noted it", () => {
    const record = {
      ...{ savedAt: 1, classes: null, status: inAgreed() },
      settings: { model: "/m", run: { name: "x" }, data: { train: [] } },
    };
    const last = { ...round, round: 6, endedAt: 70_000 };
    const left = stoppedStatus({ record, roundsDone: 7, rounds: [last], result: null });

    expect(left.agreed).toMatchObject({ blocks: 7, head: HEAD, headAt: 70_000, view: 0 });
    expect(left.mode).toBe("agreed");
  });

  test("shows of each round the cut, its own share, the view and the certificate", async () => {
    const table = await printed(["rounds"], [sampleRound(0), round]);
    const [head = "", first = "", second = ""] = table.split("\n");

    expect(head).toMatch(/held out {2}cut {2}own share {2}view {2}certificate {2}/);
    expect(second).toMatch(/ 3 +0\.375 +2 +305 B, 0\.3 s /);
    expect(first).toMatch(/ - +- +- +- /);
    const csv = await printed(["rounds", "--csv"], [round]);
    expect(csv).toContain(",cut,own_share,view,block_bytes,certificate_bytes,certificate_ms\n");
    expect(csv).toContain(",3,0.375,2,607,305,250\n");
    // control: the table of mode gossip is as it was
    expect(await printed(["rounds"], [sampleRound(0)])).toMatch(/mixed .*refused\n/);
  });

  test("counts views that were lost, and times certificates", async () => {
    const metrics = createMetrics();
    showRound(metrics, round);
    showStatus(metrics, inAgreed());

    const text = await metrics.registry.metrics();

    expect(text).toContain("klatch_consensus_lost_views_total 2\n");
    expect(text).toContain("klatch_consensus_view 1\n");
    expect(text).toContain("klatch_consensus_chain_blocks 2\n");
    expect(text).toContain("klatch_consensus_certificate_seconds_sum 0.25\n");
  });
});
