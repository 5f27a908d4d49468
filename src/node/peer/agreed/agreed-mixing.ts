import assert from "node:assert/strict";
import {
  type AgreedPoint,
  type AgreedUpdates,
  type ChainHead,
  COMMON_RULES,
  type Computed,
  type HeldPayload,
  medianNorm,
  type Opinion,
  outerStep,
  quorumOf,
  type SoundUpdate,
} from "../../../consensus/index.ts";
import { judgeGate } from "../../../reputation/index.ts";
import type { Digest, PeerId, Reason, Verdict } from "../../../types.ts";
import type { Config } from "../../config/config.ts";
import { digestOfPoint } from "../manifest.ts";
import type { PeerParts } from "../peer-parts.ts";
import type { PayloadPool } from "./payload-pool.ts";

/** What mixing a cut gives, with the state itself. */
export interface MixedCut extends Computed {
  readonly point: AgreedPoint;
}

/** What mixing goes by besides the updates: alike in a run. */
export interface MixingTerms {
  readonly updates: AgreedUpdates;
  readonly run: Pick<Config["run"], "agreedRule" | "outer">;
}

/** Mixes the updates of a cut, in roster order; null when one is not here or cannot be read. */
export function mixCut(
  { updates, run }: MixingTerms,
  payloadOf: (digest: Digest) => Uint8Array | null,
  { cut, shares, head, point }: OpenCut,
): MixedCut | null {
  const values: Float32Array[] = [];
  for (const { payload } of cut) {
    const bytes = payloadOf(payload);
    const read = bytes && updates.read(bytes, point.theta.length, head);
    if (read?.verdict !== "accept") return null;
    values.push(read.value.values);
  }
  const { faulty: attackersMax } = quorumOf(head.members.peers.length);
  const mix = COMMON_RULES[run.agreedRule]({ updates: values, shares, attackersMax });
  const next = outerStep(point, mix, run.outer);
  return { cut, point: next, checkpoint: digestOfPoint(next), norm: medianNorm(values) };
}

/** A cut above a head, the shares of its authors, and the state that it is mixed into. */
export interface OpenCut {
  readonly cut: readonly HeldPayload[];
  readonly shares: readonly number[];
  readonly head: ChainHead;
  readonly point: AgreedPoint;
}

/** Reads, judges and mixes updates that all members see alike. */
export class AgreedMixing {
  readonly #parts: PeerParts;
  readonly #pool: PayloadPool;
  readonly #updates: AgreedUpdates;

  constructor(parts: PeerParts, pool: PayloadPool, updates: AgreedUpdates) {
    this.#parts = parts;
    this.#pool = pool;
    this.#updates = updates;
  }

  /** What this node thinks of payloads that it holds: sound or not, and what a step along each does to its own loss. */
  async judge(
    payloads: readonly HeldPayload[],
    head: ChainHead,
    theta: Float32Array,
  ): Promise<ReadonlyMap<number, Opinion>> {
    const opinions = new Map<number, Opinion>();
    const sound: { readonly place: number; readonly values: Float32Array }[] = [];
    for (const each of payloads) {
      const read = this.#read(each, head, theta.length);
      if (read.verdict === "accept") sound.push({ place: each.place, values: read.value.values });
      else opinions.set(each.place, UNSOUND[read.reason] ?? "malformed");
    }
    const harm = await this.#harm(sound, head, theta);
    for (const { place } of sound) opinions.set(place, harm.get(place) ?? "neutral");
    return opinions;
  }

  /** Mixes the updates of a cut, in roster order; null when one is not here or cannot be read. */
  mix(
    cut: readonly HeldPayload[],
    shares: readonly number[],
    head: ChainHead,
    point: AgreedPoint,
  ): MixedCut | null {
    const terms = { updates: this.#updates, run: this.#parts.config.run };
    const payloadOf = (payload: Digest) => this.#pool.get(payload);
    return mixCut(terms, payloadOf, { cut, shares, head, point });
  }

  // --- internal ---

  #read({ payload }: HeldPayload, head: ChainHead, length: number): Verdict<SoundUpdate> {
    const bytes = this.#pool.get(payload);
    if (bytes === null) return { verdict: "ignore", reason: "missing" };
    return this.#updates.read(bytes, length, head);
  }

  /** By place: which of the updates help on this node's private examples, and which harm. Gains never leave the node. */
  async #harm(
    sound: readonly { readonly place: number; readonly values: Float32Array }[],
    { height: round, members }: ChainHead,
    theta: Float32Array,
  ): Promise<ReadonlyMap<number, Opinion>> {
    const { learner, config, log } = this.#parts;
    const { gate } = config;
    const isIdle = !gate.enabled || learner.info.data.heldOut.examples === 0;
    if (isIdle || sound.length === 0) return new Map();
    const states = sound.map(({ values }) => theta.map((at, i) => at + (values[i] as number)));
    const probe = await learner.probe(theta, states, { round, rows: gate.rows, step: gate.step });
    const peers = sound.map(({ place }) => members.peers[place] ?? "");
    const { faulty: vetoesMax } = quorumOf(members.peers.length);
    const { gains, vetoed } = judgeGate({ ...gate, ...probe, peers, vetoesMax });
    log.debug({ round: round + 1, gains }, "gate");
    return new Map(
      sound.map(({ place }, i) => {
        const gain = gains[i];
        assert(gain !== undefined, "a gain for each update");
        const isHarmful = vetoed.includes(peers[i] as PeerId);
        return [place, isHarmful ? "harmful" : gain > 0 ? "helpful" : "neutral"];
      }),
    );
  }
}

/** Why an update is unsound, as a ballot says it. */
const UNSOUND: Partial<Record<Reason, Opinion>> = {
  malformed: "malformed",
  "wrong-shape": "wrong-shape",
  "non-finite": "non-finite",
  "too-large": "too-long",
  missing: "absent",
};
