import { describe, expect, it } from "vitest";
import { runSchedule, type Schedule } from "../../../testnet/simulation/agreed/schedule.ts";
import { drawSchedule, runSchedules } from "../../../testnet/simulation/agreed/schedules.ts";

const QUIET: Schedule = {
  ...{ seed: 1, members: 4, rounds: 5, attack: "none", attackers: 0 },
  ...{ lossRate: 0, delayMs: 50, restarts: 0, partition: false },
};

describe("mode agreed, under hostile schedules", () => {
  it("never has two final blocks at one height, gets to the end, and accuses no honest member", () => {
    // of two heights each: most of what can go wrong does so within one
    const short = (schedule: Schedule) => runSchedule({ ...schedule, rounds: 2 });
    const { conflicts, stalled, accused } = runSchedules(2000, 1, short);
    expect({ conflicts, stalled, accused }).toEqual({ conflicts: [], stalled: [], accused: [] });
  }, 120_000);

  it("gets to the end where it once did not: blocks and payloads lost, nobody told, views too long", () => {
    for (const seed of [4860, 5699, 10_479, 10_942]) {
      expect(runSchedule(drawSchedule(seed))).toMatchObject({ conflicts: [], stalled: 0 });
    }
  });

  it("accuses nobody who was started again in the view in which it had proposed", () => {
    expect(runSchedule(drawSchedule(257_319))).toMatchObject({ conflicts: [], accused: 0 });
  });

  it("closes every height in its first view where nothing is wrong", () => {
    for (const members of [4, 7, 10, 25]) {
      expect(runSchedule({ ...QUIET, members })).toMatchObject({ conflicts: [], views: 5 });
    }
  });

  it("loses one view in n to a member that is silent, and goes on", () => {
    const { views, stalled } = runSchedule({
      ...{ ...QUIET, members: 7, rounds: 14 },
      ...{ attack: "silent", attackers: 1 },
    });
    expect({ views, stalled }).toEqual({ views: 16, stalled: 0 });
  });

  it("does not go on without a quorum (control)", () => {
    const { stalled } = runSchedule({ ...QUIET, attack: "silent", attackers: 2 });
    expect(stalled).toBe(2);
  });

  it("puts out who contradicts itself, and nobody else", () => {
    const hostile = { ...QUIET, members: 7, attackers: 2 };
    for (const attack of ["equivocate", "twins", "propose-apart", "lies"] as const) {
      const { evicted, stalled, conflicts } = runSchedule({ ...hostile, attack });
      expect({ attack, evicted, stalled, conflicts }).toEqual({
        ...{ attack, stalled: 0, conflicts: [] },
        evicted: ["member 0005", "member 0006"],
      });
    }
    for (const attack of ["none", "silent", "stall", "last-moment", "withhold"] as const) {
      expect(runSchedule({ ...hostile, attack }).evicted, attack).toEqual([]);
    }
  });

  it("adds a node while the run goes, which comes to the same end", () => {
    for (const attack of ["none", "equivocate", "lies", "stall"] as const) {
      const schedule = { ...QUIET, members: 7, attackers: attack === "none" ? 0 : 2, newcomers: 2 };
      const { added, stalled, conflicts } = runSchedule({ ...schedule, attack, lossRate: 0.1 });
      expect({ attack, added, stalled, conflicts }).toEqual({
        ...{ attack, stalled: 0, conflicts: [] },
        added: ["member 0007", "member 0008"],
      });
    }
  });

  it("runs the same history from the same schedule", () => {
    for (const seed of [3, 18, 365]) {
      expect(runSchedule(drawSchedule(seed))).toEqual(runSchedule(drawSchedule(seed)));
    }
  });
});
