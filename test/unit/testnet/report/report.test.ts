import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { logarithmicTicks, niceTicks, spread } from "../../../../src/node/view/plot/drawing.ts";
import { plotSvg, renderPlot } from "../../../../testnet/report/plot.ts";
import { buildReport, writeReport } from "../../../../testnet/report/report.ts";
import { reportMarkdown, reportText } from "../../../../testnet/report/report-markdown.ts";
import { samplePeer } from "../../node/node-samples.ts";
import { evaluation, peerRecord, runFacts, status } from "./sample-report.ts";

test("a report compares means over honest peers", () => {
  const report = buildReport(runFacts());

  // federated: (1 + 1.1 + 1.2 + 1.3) / 4; local only: (1.8 + 2) / 2 and (0.2 + 0.3) / 2
  expect(report.federated?.loss).toBeCloseTo(1.15, 9);
  expect(report.localOnly).toMatchObject({ loss: 1.9, exactMatch: 0.25 });
  expect(report.federated?.perplexity).toBeCloseTo(Math.exp(1.15), 9);
  expect(report.centralised?.loss).toBe(0.9);
  expect(report.peers.map((peer) => peer.rounds)).toEqual([6, 6, 6, 6]);
  // 1.5 MiB in 6 rounds
  expect(report.bytesPerPeerRound).toBe(262_144);
});

describe("a report of mode agreed", () => {
  const factsOf = (adapters: readonly string[]) =>
    runFacts(
      { mode: "agreed" },
      adapters.map((adapter, index) => {
        const peer = peerRecord(index);
        const agreed = {
          ...{ block: "b".repeat(64), view: 0, ballots: 4, cut: 4, share: 0.25 },
          ...{ blockBytes: 700, certificateBytes: 300, certificateMs: 10 * (index + 1) },
        };
        return {
          ...peer,
          status: status({ ...peer.status, mode: "agreed", adapter }),
          rounds: peer.rounds.slice(0, 5).map((round) => ({ ...round, agreed })),
        };
      }),
    );

  test("says whether all ended with the same adapter, and what was certified", () => {
    const report = buildReport(factsOf(["a", "a", "a", "a"]));
    expect(report).toMatchObject({
      ...{ mode: "agreed", agreed: true, rule: "check-twins" },
      digests: { "peer-1": "a", "peer-4": "a" },
      certificates: { rounds: 5, missing: 1, medianMs: 30, worstMs: 40, bytes: 1000 },
    });
    expect(reportText(report)).toContain("every honest peer ended with the same adapter");
    expect(reportText(report)).toContain("5 of 6 rounds certified, in 30 ms (median; 40 at worst)");
  });

  test("says when they did not (control)", () => {
    const report = buildReport(factsOf(["a", "a", "b", "a"]));
    expect(report.agreed).toBe(false);
    expect(reportText(report)).toContain("honest peers ended with 2 different adapters");
  });
});

test("attackers count neither for quality nor for bytes, and honest peers judge them", () => {
  const opinion = (standing: "isolated" | "full") =>
    samplePeer({ peer: "peer-4", standing, score: standing === "full" ? 1 : 0.1 });
  const facts = runFacts({ attack: "scaled" });
  const views = (["isolated", "isolated", "full"] as const).map((standing, index) =>
    peerRecord(index, {
      status: status({
        peerId: `peer-${index + 1}`,
        evaluation: evaluation(1),
        peers: [opinion(standing)],
      }),
    }),
  );
  const attacker = peerRecord(3, {
    role: "scaled",
    status: status({ peerId: "peer-4", bytesSent: 1e12, evaluation: evaluation(99) }),
  });

  const report = buildReport({ ...facts, peers: [...views, attacker] });

  expect(report.federated?.loss).toBe(1);
  expect(report.bytesPerPeerRound).toBe(262_144);
  expect(report).toMatchObject({ attack: "scaled", attackers: 1 });
  expect(report.peers[3]).toMatchObject({
    standing: "isolated",
    standings: { full: 1, reduced: 0, isolated: 2, evicted: 0 },
  });
  // (0.1 + 0.1 + 1) / 3
  expect(report.peers[3]?.score).toBeCloseTo(0.4, 9);
});

test("bytes of a peer that was killed are those of its rounds", () => {
  const facts = runFacts();
  const restarted = peerRecord(0, { status: status({ bytesSent: 10, bytesReceived: 10 }) });

  const report = buildReport({ ...facts, peers: [restarted, ...facts.peers.slice(1)] });

  // six rounds of 1000 and 900 bytes
  expect(report.peers[0]).toMatchObject({ bytesSent: 6000, bytesReceived: 5400 });
});

test("without baselines there is nothing to compare with but the base model", () => {
  const facts = runFacts();

  const report = buildReport({
    ...facts,
    baselines: { base: evaluation(2.5), localOnly: null, centralised: null },
  });

  expect(report).toMatchObject({ localOnly: null, centralised: null });
  expect(reportText(report)).not.toContain("local only");
  expect(plotSvg(report)).not.toContain("local only");
});

test("evidence names its observer, and Markdown counts it", () => {
  const facts = runFacts();
  const seen = [0, 1].map((round) => ({
    peer: "peer-4",
    round,
    kind: "gate-veto" as const,
    at: 5,
  }));

  const report = buildReport({
    ...facts,
    peers: [peerRecord(0, { evidence: seen }), ...facts.peers.slice(1)],
  });

  expect(report.evidence[0]).toMatchObject({
    observer: "peer-1",
    peer: "peer-4",
    kind: "gate-veto",
  });
  expect(reportMarkdown(report)).toContain("| 4 school | honest | gate-veto | 2 | 1 |");
});

test("text for people has one line for each thing compared", () => {
  const text = reportText(buildReport(runFacts()));

  expect(text).toMatch(/base model +2\.500 +12\.18 +0\.0 %/);
  expect(text).toMatch(/federated .* 1\.150/);
  expect(text).toContain("256 KiB sent per peer and round");
});

test("a report's folder holds JSON, Markdown and a picture", () => {
  const folder = mkdtempSync(join(tmpdir(), "klatch-report-"));
  const report = buildReport(runFacts());

  const [json, markdown, picture] = writeReport(report, join(folder, "new")) as [
    string,
    string,
    string,
  ];

  expect(JSON.parse(readFileSync(json, "utf8"))).toEqual(JSON.parse(JSON.stringify(report)));
  expect(readFileSync(markdown, "utf8")).toContain(
    "![loss by round and the comparison](report.png)",
  );
  expect(readFileSync(picture).subarray(0, 8)).toEqual(
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  );
  rmSync(folder, { recursive: true });
});

test("the picture has letters, from the font that comes with it", () => {
  const report = buildReport(runFacts());
  const silent = { ...report, peers: report.peers.map((peer) => ({ ...peer, label: "" })) };

  // control: without the names in the legend fewer pixels are drawn, and the file is smaller
  expect(renderPlot(report).length).toBeGreaterThan(renderPlot(silent).length);
});

test("names are escaped in the picture", () => {
  const facts = runFacts();
  const report = buildReport({ ...facts, peers: [peerRecord(0, { label: "<R&D>" })] });

  expect(plotSvg(report)).toContain("&lt;R&amp;D&gt;");
  expect(() => renderPlot(report)).not.toThrow();
});

test("ticks are round numbers around the range", () => {
  expect(niceTicks(0.83, 2.6, 6)).toEqual([0.5, 1, 1.5, 2, 2.5, 3]);
  expect(niceTicks(1, 1, 4).length).toBeGreaterThan(1);
});

test("a wide range of losses gets a logarithmic axis", () => {
  expect(logarithmicTicks(0.28, 9.7)).toEqual([0.2, 0.5, 1, 2, 5, 10]);
  expect(logarithmicTicks(0.5, 5)).toEqual([0.5, 1, 2, 5]);
});

test("labels move apart and keep their order", () => {
  // 10 and 12 are closer than 8: the second moves to 18; 50 stays
  expect(spread([12, 10, 50], 8, 0, 100)).toEqual([18, 10, 50]);
  // at the lower edge they are pushed back up
  expect(spread([99, 100], 8, 0, 100)).toEqual([92, 100]);
});

describe("a run that was interrupted", () => {
  const interrupted = () => {
    const { peers, ...facts } = runFacts();
    const unfinished = peers.map((peer, index) => ({
      ...peer,
      status: status({ peerId: peer.id }),
      rounds: peer.rounds.slice(0, 2 + (index % 2)),
    }));
    return buildReport({ ...facts, peers: unfinished, baselines: null });
  };

  test("is told of as far as it came", () => {
    const report = interrupted();

    expect(report).toMatchObject({ interrupted: true, base: null, federated: null });
    expect(report.peers.map(({ rounds }) => rounds)).toEqual([2, 3, 2, 3]);
    // 1.5 MiB in 3 rounds
    expect(report.bytesPerPeerRound).toBe(524_288);
    const text = reportText(report);
    expect(text).toContain("interrupted: 2 to 3 of 6 rounds done");
    // (1.92 + 1.536 + .08 + 1.92 + .16 + 1.536 + .24) / 4, each after its last round
    expect(text).toContain("held-out loss 1.848");
    expect(text).not.toContain("on the common test set   ");
    expect(reportMarkdown(report)).toContain("interrupted: 2 to 3 of 6 rounds done");
    expect(renderPlot(report).subarray(1, 4).toString()).toBe("PNG");
    expect(buildReport(runFacts()).interrupted).toBe(false);
  });

  test("before its first round has a picture without a line", () => {
    const { peers, ...facts } = runFacts();
    const begun = peers.map((peer) => ({ ...peer, status: status({ round: 0 }), rounds: [] }));
    const report = buildReport({ ...facts, peers: begun, baselines: null });

    expect(reportText(report)).toContain("interrupted: 0 of 6 rounds done");
    expect(plotSvg(report)).not.toMatch(/NaN|Infinity/);
  });
});
