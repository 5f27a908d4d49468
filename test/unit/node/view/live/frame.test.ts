import { describe, expect, test } from "vitest";
import { NoAnswer } from "../../../../../src/node/view/live/follower.ts";
import {
  frameOf,
  type Look,
  scrollMax,
  wholeFrame,
} from "../../../../../src/node/view/live/frame.ts";
import type { Model } from "../../../../../src/node/view/live/model.ts";
import { sparkline } from "../../../../../src/node/view/live/sparkline.ts";
import { PEERS, sampleMachine, samplePeer, sampleStatus } from "../../node-samples.ts";

const many = Array.from({ length: 40 }, (_, place) => ({
  ...samplePeer(),
  peer: `peer-${String(place).padStart(3, "0")}`,
}));
const MODEL: Model = {
  status: sampleStatus({ round: 3, peers: many }),
  curves: {
    ...{ round: [1, 2], endedAt: [1, 2], seconds: [1, 1], mixed: [1, 1] },
    ...{ trainLoss: [2, 1.5], heldOutLoss: [2.5, null], bytesSent: [1, 1], bytesReceived: [1, 1] },
  },
  ...{ rounds: [], chain: [] },
  evidence: [{ peer: PEERS[1], round: 2, kind: "late", at: 0, detail: "\u001b[2J\u009bH2 s" }],
  machine: {
    ...sampleMachine(),
    process: { residentBytes: 1, heapBytes: 1, uptimeSeconds: 1, diskFreeBytes: null },
  },
};
const SEEN = { model: MODEL, trouble: null };
const LOOK: Look = { columns: 80, rows: 24, scrolled: 0, now: 31_000 };

describe("what `klatch top` shows", () => {
  test.each([
    [80, 24],
    [40, 12],
    [20, 3],
    [200, 100],
  ])("fills a screen of %i by %i and no more", (columns, rows) => {
    const lines = frameOf(SEEN, { ...LOOK, columns, rows });

    expect(lines).toHaveLength(rows);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  });

  test("says how the round is: for whom it waits and until when, and both losses", () => {
    const text = frameOf(SEEN, LOOK).join("\n");

    expect(text).toMatch(/^round +3 of 10: waits for announcements, for …\S+, at most 10 s/m);
    expect(text).toMatch(/^loss, mine +1\.5000 +█▁$/m);
    expect(text).toMatch(/^loss, mixed +– +▁ ?$/m);
  });

  test("scrolls to the last peer and to evidence, and not beyond", () => {
    const at = (scrolled: number) => frameOf(SEEN, { ...LOOK, scrolled }).join("\n");

    expect(at(0)).toContain("peer-000");
    expect(at(0)).not.toContain("peer-039");
    expect(at(0)).toContain("lines more");
    const end = at(scrollMax(SEEN, LOOK));
    expect(end).toContain("peer-039");
    expect(end).toContain("late in round 2");
    expect(end).not.toContain("lines more");
    expect(at(10_000)).toBe(end);
  });

  test("puts who is isolated or away before the others", () => {
    const peers = many.map((peer, place) => ({
      ...peer,
      ...(place === 7 ? { standing: "isolated" as const } : {}),
      ...(place === 9 ? { connected: false } : {}),
    }));
    const model = { ...MODEL, status: sampleStatus({ peers }) };
    const shown = wholeFrame({ ...SEEN, model }, 80, 0).filter((line) => line.includes("peer-"));

    expect(shown.map((line) => line.slice(0, 8)).slice(0, 3)).toEqual([
      ...["peer-007", "peer-009", "peer-000"],
    ]);
  });

  test("lets nothing through that others say and that would move the cursor", () => {
    const text = wholeFrame(SEEN, 80, 0).join("");

    expect(text).toContain("?[2J?H2 s");
    expect([...text].filter((each) => each < " " || (each >= "\u007f" && each < "\u00a0"))).toEqual(
      [],
    );
  });

  test("says when it is old, and what it waits for before it knows anything", () => {
    const trouble = new NoAnswer(null, "no answer from the node");

    expect(frameOf({ model: MODEL, trouble }, LOOK)[0]).toContain("OLD");
    expect(frameOf({ model: null, trouble }, LOOK)[0]).toBe("no answer from the node; tries again");
    expect(frameOf(SEEN, LOOK).join("\n")).not.toContain("OLD");
  });
});

describe("a line of bars", () => {
  test("goes from the least to the greatest, blank where there is nothing", () => {
    expect(sparkline([0, 7, null, 3.5], 10)).toBe("▁█ ▅");
    expect(sparkline([5, 5], 10)).toBe("▁▁");
    expect(sparkline([], 10)).toBe("");
    expect(sparkline([null, Number.NaN], 10)).toBe("  ");
  });

  test("of more numbers than there is room for shows means", () => {
    expect(sparkline([0, 2, 10, 12], 2)).toBe("▁█");
    expect(
      sparkline(
        Array.from({ length: 1000 }, (_, place) => place),
        8,
      ),
    ).toBe("▁▂▃▄▅▆▇█");
  });
});
