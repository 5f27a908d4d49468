import assert from "node:assert/strict";
import { decodeState, type Effect, encodeState } from "../../consensus/index.ts";
import { shareFactor } from "../../reputation/index.ts";
import type { OptimizerState } from "../../training/index.ts";
import type { Digest, Evaluation, Evidence, PeerId, Reason } from "../../types.ts";
import type { Offer } from "./contract.ts";
import type { DriverDeps } from "./driver-deps.ts";
import { digestOf } from "./manifest.ts";
import { type Candidate, judgeAndMix } from "./mixing.ts";

/** How long an announcement stays valid, ms. */
const ANNOUNCEMENT_LIFETIME_MS = 12 * 3_600_000;
/** Rounds for which the own payload stays available to slower peers. */
const PAYLOADS_KEPT = 2;

/** The arrays of the round under way, and the work on them: train, offer, fetch, mix, keep. */
export class RoundWork {
  readonly #deps: DriverDeps;
  readonly #signal: AbortSignal;
  #adapter: Float32Array;
  #optimizer: OptimizerState;
  #sequence: number;
  #offer: Offer | null = null;
  #startedAt: number;
  #traffic = { sent: 0, received: 0 };
  #arrived = new Map<PeerId, Float32Array>();
  /** Ends what is still being fetched when the round goes on without it. */
  #fetching = new AbortController();
  #refused: { peer: PeerId; reason: Reason }[] = [];
  #mixed: readonly { peer: PeerId; share: number }[] = [];
  #offered: Digest[] = [];
  #trainLoss: number | null = null;
  #heldOutLoss: number | null = null;
  #evaluation: Evaluation | null = null;

  constructor(deps: DriverDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    const { kept } = deps;
    this.#adapter = kept?.adapter ?? deps.initial;
    this.#optimizer = kept?.optimizer ?? deps.learner.initialOptimizer();
    this.#sequence = kept?.sequence ?? 0;
    this.#startedAt = deps.now();
  }

  get losses(): {
    trainLoss: number | null;
    heldOutLoss: number | null;
    evaluation: Evaluation | null;
  } {
    return {
      trainLoss: this.#trainLoss,
      heldOutLoss: this.#heldOutLoss,
      evaluation: this.#evaluation,
    };
  }

  /** Why each peer's contribution to the round under way was not used. */
  get refused(): readonly { readonly peer: PeerId; readonly reason: Reason }[] {
    return this.#refused;
  }

  /** The contribution that was made for a round before the node went down; null when there is none. */
  restoreOffer(round: number): Digest | null {
    const offer = this.#deps.store.loadOffer(this.#deps.run, round);
    if (offer === null) return null;
    this.#takeOffer(offer);
    return digestOf(offer.payload);
  }

  /** After a restart: serves the round before again, to those who had not fetched it when the node went down. */
  async offerAgain(round: number): Promise<void> {
    const { store, run, network } = this.#deps;
    const offer = round > 0 ? store.loadOffer(run, round - 1) : null;
    if (offer === null) return;
    const payload = digestOf(offer.payload);
    await this.#publish(offer, payload);
    network.open(payload);
  }

  /** Trains for a round and keeps the contribution on disk before anyone can hear of it. */
  async train(round: number): Promise<Digest> {
    const { learner, config, store, run, codec, initial, offer, metrics, wallClock } = this.#deps;
    this.#startedAt = this.#deps.now();
    this.#traffic = { ...this.#deps.network.traffic() };
    const before = this.#adapter;
    const result = await learner.train(
      { adapter: before, optimizer: this.#optimizer, round, steps: config.run.steps },
      this.#signal,
    );
    metrics.trainSeconds.observe(result.seconds);
    metrics.trainTokens.inc(result.tokens);
    const sent = offer?.({ round, before, trained: result.adapter, initial }) ?? result.adapter;
    const payload = sent instanceof Uint8Array ? sent : encodeState(codec, sent, initial);
    const { adapter, optimizer, loss: trainLoss, examples } = result;
    const made = { run, round, adapter, optimizer, trainLoss, examples, payload };
    this.#sequence = Math.max(this.#sequence + 1, wallClock());
    store.saveOffer({ ...made, sequence: this.#sequence });
    this.#takeOffer({ ...made, sequence: this.#sequence });
    return digestOf(payload);
  }

  /** Commits to the contribution of a round: from now on it cannot be exchanged for another. */
  async announce(round: number, payload: Digest): Promise<void> {
    const { network, book, log } = this.#deps;
    const earlier = book.of(network.peerId, round);
    if (earlier !== undefined && earlier.announcement.payload !== payload) {
      log.warn({ round }, "announced otherwise before the data folder was lost: silent this round");
      return;
    }
    await this.#publish(this.#offerOf(round), payload);
  }

  /** Pulls a neighbour's payload and decodes it; returns why it could not be used, or null. */
  async fetch(effect: Effect & { type: "fetch" }): Promise<Reason | null> {
    const { network, codec, initial, config, metrics } = this.#deps;
    const { peer, payload, payloadBytes } = effect;
    const roundOver = this.#fetching.signal;
    const deadline = AbortSignal.timeout(config.timing.fetchMaxMs);
    const outcome = await network.fetch(
      peer,
      { digest: payload, bytes: payloadBytes },
      { signal: AbortSignal.any([this.#signal, roundOver, deadline]) },
    );
    metrics.fetches.inc({ outcome: outcome.ok ? "ok" : outcome.failure });
    // The round went on without it: it must not pass for a contribution to the next one.
    if (roundOver.aborted) return "late";
    if (!outcome.ok) return this.#refuse(peer, outcome.failure);
    const state = decodeState(codec, outcome.bytes, initial);
    if (state.verdict !== "accept") return this.#refuse(peer, state.reason);
    this.#arrived.set(peer, state.value);
    return null;
  }

  /** Judges and mixes what arrived from these peers; returns what the gate held against them. */
  async mix(round: number, peers: readonly PeerId[]): Promise<readonly Evidence[]> {
    const { learner, config, attackersMax, shares, ledger, log } = this.#deps;
    const offer = this.#offerOf(round);
    this.#fetching.abort();
    const candidates = this.#deps.neighbours.map((peer): Candidate => {
      const state = peers.includes(peer) ? (this.#arrived.get(peer) ?? null) : null;
      return {
        peer,
        state,
        share: shares.get(peer) ?? 0,
        trust: shareFactor(ledger.current, peer),
      };
    });
    const outcome = await judgeAndMix(learner, {
      round,
      own: offer.adapter,
      candidates,
      rule: config.run.rule,
      attackersMax,
      gate: config.gate,
      heldOutBefore: this.#heldOutLoss,
    });
    this.#adapter = outcome.adapter;
    this.#optimizer = offer.optimizer;
    this.#mixed = outcome.mixed;
    this.#heldOutLoss = outcome.heldOutLoss;
    log.debug({ round, gains: Object.fromEntries(outcome.gains) }, "gate");
    if (outcome.refusedMix) log.warn({ round }, "the mix would ruin the held-out loss: not taken");
    return outcome.vetoed.map((peer) => this.#veto(peer, round, outcome.gains.get(peer) ?? 0));
  }

  /** Keeps the result of a round and makes room for the next. */
  commit(round: number, ledger: string): void {
    const { store, run, network, book, metrics, log, now } = this.#deps;
    const offer = this.#offerOf(round);
    const traffic = network.traffic();
    const record = {
      round,
      startedAt: this.#startedAt,
      endedAt: now(),
      trainLoss: offer.trainLoss,
      heldOutLoss: this.#heldOutLoss,
      announced: this.#deps.neighbours.filter((peer) => book.of(peer, round) !== undefined),
      mixed: this.#mixed,
      refused: this.#refused,
      bytesSent: traffic.sent - this.#traffic.sent,
      bytesReceived: traffic.received - this.#traffic.received,
    };
    const checkpoint = {
      run,
      round: round + 1,
      adapter: this.#adapter,
      optimizer: this.#optimizer,
      sequence: this.#sequence,
      ledger,
    };
    store.commitRound(checkpoint, record);
    metrics.rounds.inc();
    metrics.roundSeconds.observe((record.endedAt - record.startedAt) / 1000);
    metrics.trainLoss.set(record.trainLoss);
    if (record.heldOutLoss !== null) metrics.heldOutLoss.set(record.heldOutLoss);
    log.info(
      {
        round: round + 1,
        of: this.#deps.config.run.rounds,
        loss: rounded(record.trainLoss),
        heldOut: record.heldOutLoss === null ? undefined : rounded(record.heldOutLoss),
        mixed: record.mixed.length,
        refused: record.refused.length,
      },
      "round done",
    );
    this.#fetching = new AbortController();
    this.#arrived = new Map();
    this.#refused = [];
    this.#mixed = [];
  }

  /** Evaluates the final state on the test set, where there is one, and keeps the result. */
  async finish(): Promise<void> {
    const { learner, store, run, config, log } = this.#deps;
    if (learner.info.data.test.examples > 0) {
      this.#evaluation = await learner.evaluate(this.#adapter, "test");
    }
    store.saveResult(run, { rounds: config.run.rounds, evaluation: this.#evaluation });
    log.info({ ...this.#evaluation }, "run finished");
  }

  // --- internal ---

  async #publish(offer: Offer, payload: Digest): Promise<void> {
    const { network, run, learner, book, log, wallClock } = this.#deps;
    const { round, sequence, examples } = offer;
    this.#hold(payload, offer.payload);
    const issuedAt = wallClock();
    const { signed, recipients } = await network.announce({
      run,
      base: learner.info.modelDigest,
      round,
      sequence,
      payload,
      payloadBytes: offer.payload.length,
      examples,
      issuedAt,
      expiresAt: issuedAt + ANNOUNCEMENT_LIFETIME_MS,
    });
    book.judge(signed, round);
    log.debug({ round, recipients, bytes: offer.payload.length }, "announced");
  }

  #takeOffer(offer: Offer): void {
    this.#offer = offer;
    this.#sequence = Math.max(this.#sequence, offer.sequence);
    this.#trainLoss = offer.trainLoss;
  }

  #offerOf(round: number): Offer {
    assert(this.#offer?.round === round, `no contribution for round ${round}`);
    return this.#offer;
  }

  #hold(payload: Digest, bytes: Uint8Array): void {
    this.#deps.network.offer(payload, bytes);
    this.#offered = [payload, ...this.#offered.filter((other) => other !== payload)];
    for (const old of this.#offered.splice(PAYLOADS_KEPT)) this.#deps.network.withdraw(old);
  }

  #refuse(peer: PeerId, reason: Reason): Reason {
    this.#refused.push({ peer, reason });
    return reason;
  }

  #veto(peer: PeerId, round: number, gain: number): Evidence {
    this.#refuse(peer, "gate-veto");
    const detail = `gain ${gain.toPrecision(3)}`;
    return { peer, round, kind: "gate-veto", at: this.#deps.now(), detail };
  }
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
