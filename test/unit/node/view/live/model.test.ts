import { describe, expect, test } from "vitest";
import {
  EVIDENCE_SHOWN,
  type Model,
  modelAfter,
  ROUNDS_SHOWN,
} from "../../../../../src/node/view/live/model.ts";
import { PEERS, sampleMachine, sampleRound, sampleStatus } from "../../node-samples.ts";

const EMPTY: Model = {
  status: sampleStatus({ round: 1, phase: "train" }),
  curves: {
    ...{ round: [], endedAt: [], seconds: [], trainLoss: [], heldOutLoss: [] },
    ...{ mixed: [], bytesSent: [], bytesReceived: [] },
  },
  ...{ rounds: [], evidence: [], chain: [] },
  machine: {
    ...sampleMachine(),
    process: { residentBytes: 1, heapBytes: 1, uptimeSeconds: 1, diskFreeBytes: null },
  },
};

describe("what the page shows after an event", () => {
  test("is the phase of the open round, and those before it", () => {
    const train = modelAfter(EMPTY, { type: "phase", round: 1, phase: "train", at: 5 });
    const commit = modelAfter(train, { type: "phase", round: 1, phase: "commit", at: 9 });
    const next = modelAfter(commit, { type: "phase", round: 2, phase: "train", at: 12 });

    expect(commit.status.phases).toEqual([
      { phase: "train", at: 5 },
      { phase: "commit", at: 9 },
    ]);
    expect(next.status).toMatchObject({ round: 2, phases: [{ phase: "train", at: 12 }] });
  });

  test("is a round once, in the curves too", () => {
    const once = modelAfter(EMPTY, { type: "round", ...sampleRound(1) });
    const twice = modelAfter(once, { type: "round", ...sampleRound(1) });

    expect(twice).toBe(once);
    expect(once.rounds).toEqual([sampleRound(1)]);
    expect(once.curves).toMatchObject({ round: [1], trainLoss: [1], seconds: [0.5], mixed: [1] });
  });

  test("grows no further than the page shows", () => {
    let model = EMPTY;
    for (let round = 1; round <= 10_000; round += 1) {
      model = modelAfter(model, { type: "round", ...sampleRound(round) });
      model = modelAfter(model, {
        type: "evidence",
        peer: PEERS[1],
        round,
        kind: "late",
        at: round,
      });
    }

    expect([model.rounds.length, model.evidence.length]).toEqual([ROUNDS_SHOWN, EVIDENCE_SHOWN]);
    expect(model.curves.round).toHaveLength(2000);
    expect(model.curves.round.at(-1)).toBe(10_000);
  });

  test("is a state, and the rest as it was", () => {
    const model = modelAfter(EMPTY, { type: "state", state: "finished" });

    expect(model.status).toEqual({ ...EMPTY.status, state: "finished" });
    expect(modelAfter(model, { type: "peer", peer: PEERS[1], change: "left" })).toBe(model);
  });
});
