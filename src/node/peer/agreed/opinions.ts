import assert from "node:assert/strict";
import { movedBy, type Opinion, quorumOf } from "../../../consensus/index.ts";
import { judgeGate, rowsToJudge } from "../../../reputation/index.ts";
import type { PeerId, Reason } from "../../../types.ts";
import type { Config } from "../../config/config.ts";
import type { PeerLearner } from "../ports.ts";

/** An update that could be read, with the place of its author. */
export interface PlacedUpdate {
  readonly place: number;
  readonly values: Float32Array;
}

/** What a member judges by. */
export interface JudgingGround {
  readonly learner: Pick<PeerLearner, "info" | "probe">;
  readonly gate: Config["gate"];
  /** Examples that the height's training takes. */
  readonly trained: number;
  readonly height: number;
  /** Members by place. */
  readonly peers: readonly PeerId[];
  /** The agreed state, which the updates are differences to. */
  readonly theta: Float32Array;
}

/**
 * What a member thinks of sound updates, by place: which of them help on its private examples, and which harm. Without
 * a gate or examples it thinks nothing. The gains never leave the node.
 */
export async function opinionsOf(
  sound: readonly PlacedUpdate[],
  { learner, gate, trained, height: round, peers, theta }: JudgingGround,
): Promise<{ opinions: ReadonlyMap<number, Opinion>; gains: readonly number[] }> {
  const isIdle = !gate.enabled || learner.info.data.heldOut.examples === 0;
  if (isIdle || sound.length === 0) return { opinions: new Map(), gains: [] };
  const states = sound.map(({ values }) => movedBy(theta, values));
  const rows = rowsToJudge(gate.rows, { updates: sound.length, trained });
  const probe = await learner.probe(theta, states, { round, rows, step: gate.step });
  const authors = sound.map(({ place }) => peers[place] ?? "");
  const { faulty: vetoesMax } = quorumOf(peers.length);
  const { gains, vetoed } = judgeGate({ ...gate, ...probe, peers: authors, vetoesMax });
  const opinions = sound.map(({ place }, i): [number, Opinion] => {
    const gain = gains[i];
    assert(gain !== undefined, "a gain for each update");
    const isHarmful = vetoed.includes(authors[i] ?? "");
    return [place, isHarmful ? "harmful" : gain > 0 ? "helpful" : "neutral"];
  });
  return { opinions: new Map(opinions), gains };
}

/** What a ballot says of an update that was refused. */
export function opinionOfRefused(reason: Reason): Opinion {
  return UNSOUND[reason] ?? "malformed";
}

// --- internal ---

/** Why an update is unsound, as a ballot says it. */
const UNSOUND: Partial<Record<Reason, Opinion>> = {
  malformed: "malformed",
  "wrong-shape": "wrong-shape",
  "non-finite": "non-finite",
  "too-large": "too-long",
  missing: "absent",
};
