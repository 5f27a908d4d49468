import {
  type AgreedPoint,
  type AgreedUpdates,
  type ChainHead,
  CODEC_NUMBERS,
  type Computed,
  type HeldPayload,
  medianOf,
  mixedByRank,
  type Opinion,
  outerStep,
  outerTermsOf,
  quorumOf,
  rankMixed,
  type SoundUpdate,
} from "../../../consensus/index.ts";
import type { Digest, Verdict } from "../../../types.ts";
import type { Config } from "../../config/config.ts";
import { digestOfPoint } from "../manifest.ts";
import { takeEvidence } from "../observing.ts";
import type { PeerParts } from "../peer-parts.ts";
import { SentBefore } from "../sent-before.ts";
import { opinionOfRefused, opinionsOf, type PlacedUpdate } from "./opinions.ts";
import type { PayloadPool } from "./payload-pool.ts";

/** Codecs whose updates `unlearnt` was measured on, or that lose less. */
const EXACT_ENOUGH: readonly number[] = [CODEC_NUMBERS.float32, CODEC_NUMBERS.int8];

/** What mixing a cut gives, with the state itself. */
export interface MixedCut extends Computed {
  readonly point: AgreedPoint;
}

/** What mixing goes by besides the updates: alike in a run. */
export interface MixingTerms {
  readonly updates: AgreedUpdates;
  readonly run: Pick<Config["run"], "agreedRule" | "outer" | "codec">;
}

/**
 * Mixes the updates of a cut that have a share, in roster order; null when one is not here or cannot be read. The slices of
 * the rank that enough members sent are `rank`: the others stay. Whoever has no share may be honest, so f is reckoned with
 * among the rest.
 */
export function mixCut(
  { updates, run }: MixingTerms,
  payloadOf: (digest: Digest) => Uint8Array | null,
  { cut, shares: all, head, point }: OpenCut,
): (MixedCut & { readonly rank: number }) | null {
  const sound: SoundUpdate[] = [];
  const shares = all.filter((share) => share > 0);
  for (const [i, { payload }] of cut.entries()) {
    if (all[i] === 0) continue;
    const bytes = payloadOf(payload);
    const read = bytes && updates.read(bytes, point.theta.length, head);
    if (read?.verdict !== "accept") return null;
    sound.push(read.value);
  }
  const { faulty: attackersMax } = quorumOf(head.members.peers.length);
  const set = { updates: sound.map(({ values }) => values), shares, attackersMax };
  const ranked = { ...set, ranksOf: sound.map(({ rank }) => rank) };
  const mix = mixedByRank(run.agreedRule, ranked, updates.ranks);
  const rank = rankMixed(run.agreedRule, ranked);
  const next = outerStep(point, mix, outerTermsOf(run, "agreed"));
  const norm = medianOf(sound.map((each) => each.norm));
  return { cut, point: next, checkpoint: digestOfPoint(next), norm, rank };
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
  readonly #sent = new SentBefore();
  #sentUntil = -1;
  #rankTold: number;

  constructor(parts: PeerParts, pool: PayloadPool, updates: AgreedUpdates) {
    this.#parts = parts;
    this.#pool = pool;
    this.#updates = updates;
    this.#rankTold = this.#ownRank;
  }

  /** What this node thinks of payloads that it holds: sound or not, and what a step along each does to its own loss. */
  async judge(
    payloads: readonly HeldPayload[],
    head: ChainHead,
    theta: Float32Array,
  ): Promise<ReadonlyMap<number, Opinion>> {
    const opinions = new Map<number, Opinion>();
    const sound: (PlacedUpdate & SoundUpdate)[] = [];
    for (const { place, ...payload } of payloads) {
      const read = this.#read(payload, head, theta.length);
      if (read.verdict === "accept") sound.push({ place, ...read.value });
      else opinions.set(place, opinionOfRefused(read.reason));
    }
    this.#tellUnlearnt(sound, head);
    const { learner, config, neighbourhoods, log } = this.#parts;
    const { height, members } = head;
    const ground = {
      ...{ learner, gate: config.gate, height, peers: members.peers, theta },
      trained: neighbourhoods.examplesIn(height),
    };
    const judged = await opinionsOf(sound, ground);
    if (judged.opinions.size > 0) log.debug({ round: height + 1, gains: judged.gains }, "gate");
    for (const { place } of sound) opinions.set(place, judged.opinions.get(place) ?? "neutral");
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
    const mixed = mixCut(terms, payloadOf, { cut, shares, head, point });
    if (mixed !== null) this.#tellRank(mixed.rank, head.height);
    return mixed;
  }

  // --- internal ---

  get #ownRank(): number {
    return this.#parts.config.training.rank ?? this.#updates.ranks.most;
  }

  /** Says when the rank changes that enough members send, where that is less than this node does. */
  #tellRank(rank: number, height: number): void {
    const own = this.#ownRank;
    const mixed = Math.min(rank, own);
    if (mixed === this.#rankTold) return;
    this.#rankTold = mixed;
    const { log } = this.#parts;
    const fields = { round: height + 1, rank: own, mixed };
    if (mixed < own)
      log.warn(fields, "too few members send the whole rank of this node: the rest stays as it is");
    else log.info(fields, "enough members send the whole rank of this node");
  }

  /** Who sends nothing that it learnt: of updates that lost little on their way, those of the whole rank, once a height. */
  #tellUnlearnt(
    sound: readonly (PlacedUpdate & SoundUpdate)[],
    { height, members: { peers } }: ChainHead,
  ): void {
    const { network, clock } = this.#parts;
    if (height <= this.#sentUntil || !EXACT_ENOUGH.includes(this.#updates.codec(height))) return;
    this.#sentUntil = height;
    const whole = sound.filter(({ rank }) => rank === this.#updates.ranks.most);
    const found = this.#sent.judge(
      new Map(whole.map(({ place, values }) => [peers[place] ?? "", values])),
    );
    const others = [...found].filter(([peer]) => peer !== network.peerId);
    const kind = "unlearnt";
    takeEvidence(
      this.#parts,
      others.map(([peer, detail]) => ({ peer, round: height, kind, at: clock.now(), detail })),
    );
  }

  #read(
    { payload }: Pick<HeldPayload, "payload">,
    head: ChainHead,
    length: number,
  ): Verdict<SoundUpdate> {
    const bytes = this.#pool.get(payload);
    if (bytes === null) return { verdict: "ignore", reason: "missing" };
    return this.#updates.read(bytes, length, head);
  }
}
