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

/**
 * Mean loss of the states that each round ended with, over the honest peers that ended it: who was away in a round has
 * no part in it.
 */
export function lossByRound({ watched }: Pick<Simulation, "watched">): readonly number[] {
  const rounds = Math.max(0, ...watched.map(({ losses }) => Math.max(-1, ...losses.keys()) + 1));
  const reached: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const losses = watched.flatMap((peer) => peer.losses.get(round) ?? []);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    reached.push(losses.length > 0 ? mean : (reached.at(-1) ?? Number.NaN));
  }
  return reached;
}

/** Rounds after which a loss is reached, between rounds by a straight line; null when it never is. */
export function roundsUntil(losses: readonly number[], target: number): number | null {
  const place = losses.findIndex((loss) => loss <= target);
  const [reached, before] = [losses[place], losses[place - 1]];
  if (reached === undefined) return null;
  return before === undefined ? 1 : place + (before - target) / (before - reached);
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
