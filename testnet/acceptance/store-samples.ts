import type { RoundRecord, RunResult } from "../../src/node/records/records.ts";
import type { Checkpoint, OwnUpdate, RoundTraining } from "../../src/node/store/contract.ts";
import type { Digest, Evidence } from "../../src/types.ts";

export const RUN: Digest = "a".repeat(64);
export const OTHER_RUN: Digest = "b".repeat(64);
const PEER = "12D3KooWGAX221r3r8b6iC7PsQct7Ebn5HBnDo8KHeckgbiD1uqM";

/** An array that tells its round, exact in float32. */
function floats(round: number): Float32Array {
  return Float32Array.from({ length: 8 }, (_, index) => round + index / 4);
}

export function checkpointOf(round: number, run = RUN): Checkpoint {
  return {
    run,
    round,
    adapter: floats(round),
    optimizer: { step: 20 * round, firstMoment: floats(-round), secondMoment: floats(round + 1) },
    sequence: 1000 + round,
    memory: { residual: floats(round + 2) },
    ledger: `{"round":${round},"name":"Zoë"}`,
  };
}

export function updateOf(round: number): OwnUpdate {
  return {
    run: RUN,
    round,
    sequence: 2000 + round,
    adapter: floats(round + 0.125),
    optimizer: { step: 20 * round, firstMoment: floats(round), secondMoment: floats(round) },
    trainLoss: 1.5,
    examples: 160,
    payload: Uint8Array.from({ length: 33 }, (_, index) => round + index),
    memory: { residual: floats(round + 3) },
  };
}

export function trainingOf(round: number): RoundTraining {
  return {
    run: RUN,
    round,
    start: "d".repeat(64),
    adapter: floats(round + 0.5),
    optimizer: { step: 20 * round + 7, firstMoment: floats(round), secondMoment: floats(-round) },
    steps: 7,
    watch: { average: 0.3, least: 0.25, steps: 7 },
    lossSum: 7.7,
    examples: 56,
    seconds: 0.5,
  };
}

export function recordOf(round: number): RoundRecord {
  return {
    round,
    startedAt: 1000 * round,
    endedAt: 1000 * round + 500,
    trainLoss: 2 / (round + 1),
    heldOutLoss: null,
    announced: [PEER],
    mixed: [{ peer: PEER, share: 0.5 }],
    refused: [{ peer: PEER, reason: "late" }],
    bytesSent: 10,
    bytesReceived: 20,
  };
}

export function evidenceOf(round: number): Evidence {
  return { peer: PEER, round, kind: "late", at: round, detail: `of round ${round}` };
}

export function resultOf(rounds: number): RunResult {
  const evaluation = { loss: 1.2, perplexity: 3.3, exactMatch: 0.5, tokens: 9, examples: 2 };
  return { rounds, evaluation };
}
