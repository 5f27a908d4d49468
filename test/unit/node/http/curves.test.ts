import { describe, expect, test } from "vitest";
import { CurveHistory } from "../../../../src/node/http/curves.ts";
import type { RoundRecord } from "../../../../src/node/records/records.ts";
import { sampleRound } from "../node-samples.ts";

/** A history of rounds that grows, and what is asked of it. */
function history(count: number) {
  const kept: RoundRecord[] = Array.from({ length: count }, (_, round) => sampleRound(round));
  let read = 0;
  const curves = new CurveHistory((limit, offset) => {
    const page = kept.slice(
      Math.max(0, kept.length - offset - limit),
      Math.max(0, kept.length - offset),
    );
    read += page.length;
    return page;
  });
  const readSince = () => {
    const since = read;
    read = 0;
    return since;
  };
  return { kept, curves, readSince };
}

describe("curves", () => {
  test("are every round in order, read once", async () => {
    const { kept, curves, readSince } = history(120);
    const first = await curves.read();
    expect(first.round).toEqual(kept.map(({ round }) => round + 1));
    expect(first.seconds[0]).toBe(0.5);
    expect(readSince()).toBeLessThan(300);
    kept.push({ ...sampleRound(120), trainLoss: Number.NaN, heldOutLoss: 2 });
    const next = await curves.read();

    expect([next.round.at(-1), next.trainLoss.at(-1), next.heldOutLoss.at(-1)]).toEqual([
      121,
      null,
      2,
    ]);
    expect(readSince()).toBeLessThan(60);
  });

  test("have what comes before a record that is damaged", async () => {
    const kept = Array.from({ length: 200 }, (_, round) => sampleRound(round));
    const curves = new CurveHistory((limit, offset) =>
      kept
        .slice(Math.max(0, kept.length - offset - limit), Math.max(0, kept.length - offset))
        .filter(({ round }) => round !== 170),
    );

    const { round } = await curves.read();

    expect(round).toHaveLength(199);
    expect(round.slice(0, 2)).toEqual([1, 2]);
  });

  test("of a long history are thinned, with its first and its last round", async () => {
    const { kept, curves } = history(10_000);
    const { round, endedAt } = await curves.read();

    expect(round.length).toBeGreaterThan(500);
    expect(round.length).toBeLessThanOrEqual(1001);
    expect([round[0], round.at(-1)]).toEqual([1, 10_000]);
    expect(endedAt.at(-1)).toBe(kept.at(-1)?.endedAt);
    expect(round).toEqual([...new Set(round)].sort((a, b) => a - b));
  });

  test("that are asked for at once are the same", async () => {
    const { curves } = history(300);
    const [a, b] = await Promise.all([curves.read(), curves.read()]);

    expect(a.round).toHaveLength(300);
    expect(b).toEqual(a);
  });

  test("of a node without a round are empty", async () => {
    expect((await history(0).curves.read()).round).toEqual([]);
  });
});
