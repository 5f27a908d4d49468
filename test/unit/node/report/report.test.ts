import { describe, expect, test } from "vitest";
import type { Comparison } from "../../../../src/node/report/measure.ts";
import type { NodeReport } from "../../../../src/node/report/node-report.ts";
import { extraGain, sectionsOf } from "../../../../src/node/report/sections.ts";
import {
  reportHtml,
  reportMarkdown,
  reportPng,
  reportSvg,
} from "../../../../src/node/report/written.ts";

const at = (loss: number) => ({
  ...{ loss, perplexity: Math.exp(loss), exactMatch: 0.25 },
  ...{ tokens: 100, examples: 10 },
});
const compared = (base: number, localOnly: number | null, federated: number): Comparison => ({
  ...{ set: "held-out", examples: 10, base: at(base), federated: at(federated) },
  localOnly: localOnly === null ? null : at(localOnly),
});
const PEER = "12D3KooWArWuDZwwkWH2Lb9hxKPBcjrTvbYhb6zwCQE5MCHVgD5u";

const REPORT: NodeReport = {
  ...{ klatch: "0.1.0", run: "ab".repeat(32), name: "rivers", mode: "agreed", peerId: PEER },
  ...{ model: "model", rounds: { done: 3, of: 4, mixed: 3 }, time: { from: 0, to: 7_200_000 } },
  comparisons: [compared(5, 3, 2)],
  curve: [1, 2, 3].map((round) => ({ round, loss: 4 - round })),
  traffic: { sent: 1024, received: 2048, dense: 102_400 },
  energy: { watts: 250, kilowattHours: 0.5 },
  members: [
    {
      ...{ peer: PEER, isSelf: true, rounds: 3, share: 0.25, standing: null, reason: null },
      opinions: { helpful: 8, neutral: 1, harmful: 0 },
      worth: { rounds: 3, helped: 2, gain: 0.0123 },
    },
  ],
  evidence: [{ peer: PEER, kind: "gate-veto", times: 2, lastRound: 3 }],
  chain: { valid: true, blocks: 3, head: "cd".repeat(32), adapter: null, problems: [] },
};

const saidOf = (report: NodeReport) =>
  sectionsOf(report)
    .flatMap(({ lines }) => lines)
    .join("\n");

describe("whether it was worth it", () => {
  test("counts what federation gained beyond training alone, as a share of what that gained", () => {
    expect(extraGain(compared(5, 3, 2))).toBe(0.5);
    expect(extraGain(compared(5, 3, 4))).toBe(-0.5);
    expect(extraGain(compared(5, null, 2))).toBeNull();
    expect(extraGain(compared(5, 6, 2))).toBeNull();
  });

  test("says it in words, either way, and nothing of what was not measured", () => {
    expect(saidOf(REPORT)).toContain("federation gained 1.000 more (50.0 % of what that gained)");
    expect(saidOf({ ...REPORT, comparisons: [compared(5, 3, 4)] })).toContain(
      "better by 1.000 (50.0 % of what that gained)",
    );
    const without = saidOf({ ...REPORT, comparisons: [compared(5, null, 4)] });
    expect(without).toContain("training alone was not measured");
    expect(without).not.toContain("took as many steps");
  });

  test("says what it cost", () => {
    const said = saidOf(REPORT);
    expect(said).toContain("uncompressed updates would have been 100 KiB, 100.0 times as much");
    expect(said).toContain("2 h 0 min");
    expect(said).toContain("at 250 W all the time: 0.50 kWh");
  });
});

describe("what others said", () => {
  test("is in the table of mode agreed, and has no columns in mode gossip", () => {
    const headersOf = (report: NodeReport) =>
      sectionsOf(report).find(({ title }) => title === "Contributions")?.table?.headers;
    expect(headersOf(REPORT)).toContain("helpful");
    expect(headersOf({ ...REPORT, mode: "gossip", chain: null })).not.toContain("helpful");
  });

  test("what a member was worth to us is there where it was measured", () => {
    const written = reportMarkdown(REPORT);
    expect(written).toContain("| +12.3 (2 of 3) |");
    expect(written).toContain("mixed again without the member's update");
    const members = REPORT.members.map((member) => ({ ...member, worth: null }));
    expect(reportMarkdown({ ...REPORT, members })).not.toContain("mixed again");
  });

  test("a chain that does not hold is said so, with why", () => {
    const problems = ["round 2: the signature of somebody does not hold"];
    const chain = { ...(REPORT.chain as NonNullable<NodeReport["chain"]>), valid: false, problems };
    expect(saidOf({ ...REPORT, chain })).toContain("does NOT hold:\nround 2");
  });
});

describe("as files", () => {
  const hostile = { ...REPORT, name: `<img src=x onerror="alert(1)">[a](b)` };

  test("no name gets markup into the page, the picture or the text", () => {
    for (const written of [reportHtml(hostile), reportSvg(hostile)]) {
      expect(written).not.toContain("<img");
      expect(written).toContain("&lt;img");
    }
    expect(reportMarkdown(hostile)).not.toMatch(/[^\\]<img|[^\\]\[a\]/);
  });

  test("the page needs nothing else, and the picture is one", () => {
    expect(reportHtml(REPORT)).not.toMatch(/(src|href)=/);
    expect(reportHtml(REPORT)).toContain("default-src 'none'");
    expect(Buffer.from(reportPng(REPORT)).subarray(1, 4).toString()).toBe("PNG");
  });

  test("a run of no rounds has a picture, too", () => {
    const empty = { ...REPORT, comparisons: [], curve: [], rounds: { done: 0, of: 0, mixed: 0 } };
    expect(() => reportPng(empty)).not.toThrow();
  });
});
