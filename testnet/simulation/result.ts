import { createHash } from "node:crypto";
import type { Digest } from "../../src/types.ts";
import { commonPoint, quadraticLoss } from "./quadratic-learner.ts";
import type { Simulation } from "./simulation.ts";

/** What came of a simulation, over its honest peers. */
export interface SimulationResult {
  /** Rounds that every honest peer finished. */
  readonly rounds: number;
  /** Mean loss of the final states against the common optimum; the peers' floor is 0.1. */
  readonly loss: number;
  /** Mean of the bytes that a peer sent over all rounds. */
  readonly bytesPerPeer: number;
  /** Virtual time from the first start to the last end. */
  readonly virtualSeconds: number;
  /** SHA-256 over the final states and evidence: equal for equal scenarios, on every machine. */
  readonly digest: Digest;
}

export function resultOf(simulation: Simulation): SimulationResult {
  const honest = simulation.watched;
  const common = commonPoint(simulation.task);
  const digest = createHash("sha256");
  let [loss, bytes] = [0, 0];
  for (const { disk, evidence, rounds } of honest) {
    const state = disk.checkpoint?.adapter ?? new Float32Array(simulation.task.dimensions);
    digest.update(new Uint8Array(state.buffer, state.byteOffset, state.byteLength));
    digest.update(JSON.stringify([evidence, rounds]));
    loss += quadraticLoss(common, state) / honest.length;
    bytes += rounds.reduce((sum, { bytesSent }) => sum + bytesSent, 0) / honest.length;
  }
  return {
    rounds: Math.min(...honest.map(({ rounds }) => rounds.length)),
    loss,
    bytesPerPeer: Math.round(bytes),
    virtualSeconds: Math.max(...honest.map(({ finishedAt }) => finishedAt ?? 0)) / 1000,
    digest: digest.digest("hex"),
  };
}
