import assert from "node:assert/strict";
import { KlatchError } from "../../errors.ts";
import type { Evaluation } from "../../types.ts";
import { diverged } from "../loop/loss-watchdog.ts";
import type { StepMetrics, TrainResult } from "../loop/train-step.ts";
import type { Learner } from "./learner.ts";

export interface AloneOptions {
  readonly steps: number;
  /** Steps between two evaluations on the held-out set. */
  readonly evaluateEvery: number;
  /** Evaluations without a better held-out loss after which training stops early; 0 never does. */
  readonly patience: number;
  /** Where to start; the learner's initial adapter when absent. */
  readonly adapter?: Float32Array;
  /** Where an earlier training was, to go on from in place of `adapter`. */
  readonly from?: AloneState;
}

/**
 * All that a training alone needs to go on as if nothing had happened, taken where a stretch between evaluations ends.
 */
export interface AloneState extends Pick<TrainResult, "adapter" | "optimizer"> {
  /** Stretches that are over. */
  readonly round: number;
  readonly progress: ProgressState;
}

/** How far a training has come, and the best state until then. */
export interface ProgressState extends Counts {
  readonly best: Best | null;
  /** Evaluations since the best. */
  readonly misses: number;
}

type Counts = Pick<AloneResult, "steps" | "tokens" | "positions" | "seconds" | "loss">;
type Best = Pick<AloneResult, "adapter" | "bestStep" | "heldOut">;

/** What happens while a learner trains alone. */
export type AloneEvent =
  | { readonly kind: "step"; readonly metrics: StepMetrics }
  | { readonly kind: "best"; readonly step: number; readonly adapter: Float32Array }
  | { readonly kind: "evaluation"; readonly step: number; readonly heldOut: Evaluation }
  | { readonly kind: "checkpoint"; readonly state: AloneState }
  | { readonly kind: "end"; readonly result: AloneResult };

export interface AloneResult {
  /** The adapter with the least held-out loss, or the last one when nothing is held out. */
  readonly adapter: Float32Array;
  /** The step after which it was so. */
  readonly bestStep: number;
  readonly steps: number;
  readonly reason: "finished" | "early stop" | "diverged" | "stopped";
  /** The sentence of the error that ended training; null otherwise. */
  readonly error: string | null;
  /** Mean training loss over the last stretch between evaluations, nats per token. */
  readonly loss: number;
  readonly heldOut: Evaluation | null;
  /** Completion tokens, or examples with a class; and all tokens that were read, prompts included. */
  readonly tokens: number;
  readonly positions: number;
  /** Spent in training steps, evaluations not counted. */
  readonly seconds: number;
}

/**
 * Trains a learner alone for some steps. It tells of every step, of every evaluation, and of every state that is the
 * best so far; and, between two stretches, of what it takes to go on from there: a training that goes on `from` it ends
 * with the same bytes. A divergence or the signal ends training with the best state so far; a held-out loss that is no number
 * is a divergence. After the signal the state that was reached is measured first. Each stretch between evaluations
 * counts as a round, so factors that alternate take turns.
 *
 * @throws KlatchError `diverged` before the first evaluation; an AbortError when the signal comes before the first
 *   step; otherwise as `Learner.train`
 */
export async function* trainAlone(
  learner: Learner,
  options: AloneOptions,
  signal?: AbortSignal,
): AsyncGenerator<AloneEvent> {
  const { from } = options;
  const progress = new Progress(options.patience, from?.progress);
  let state: Pick<TrainResult, "adapter" | "optimizer"> = from ?? {
    adapter: options.adapter ?? (await learner.initialAdapter()),
    optimizer: learner.initialOptimizer(),
  };
  for (
    let round = from?.round ?? 0;
    progress.steps < options.steps && !progress.ended;
    round += 1
  ) {
    const { adapter, optimizer } = state;
    const steps = Math.min(options.evaluateEvery, options.steps - progress.steps);
    const request = { adapter, optimizer, round, steps, onStop: "keep" } as const;
    const training = learner.watchTraining(request, signal);
    for await (const metrics of training.steps) yield { kind: "step", metrics };
    const trained = await settle(training.result);
    if (trained instanceof Error) {
      progress.interrupted(trained);
      break;
    }
    const taken = trained.optimizer.step - optimizer.step;
    if (taken > 0) yield* judged(learner, trained, taken, progress);
    if (taken < steps) progress.interrupted(new DOMException("stopped", "AbortError"));
    state = trained;
    if (!progress.ended) yield { kind: "checkpoint", state: stateAt(round + 1, trained, progress) };
  }
  yield { kind: "end", result: progress.result() };
}

function stateAt(
  round: number,
  { adapter, optimizer }: TrainResult,
  { state: progress }: Progress,
): AloneState {
  return { round, adapter, optimizer, progress };
}

/** Measures a state on what is held out, if anything is, and tells of it. */
async function* judged(
  learner: Learner,
  trained: TrainResult,
  steps: number,
  progress: Progress,
): AsyncGenerator<AloneEvent> {
  const { adapter } = trained;
  const isHeldOut = learner.info.data.heldOut.examples > 0;
  const heldOut = isHeldOut ? await learner.evaluate(adapter, "held-out") : null;
  const isBest = progress.add(trained, steps, heldOut);
  const step = progress.steps;
  if (heldOut !== null) yield { kind: "evaluation", step, heldOut };
  if (isBest) yield { kind: "best", step, adapter };
}

/** The best state so far, and whether to go on. */
class Progress {
  #counts: Counts = { steps: 0, tokens: 0, positions: 0, seconds: 0, loss: 0 };
  #misses = 0;
  #reason: AloneResult["reason"] = "finished";
  #error: string | null = null;
  #best: Best | null = null;
  readonly #patience: number;

  constructor(patience: number, from?: ProgressState) {
    this.#patience = patience;
    if (from === undefined) return;
    const { best, misses, ...counts } = from;
    [this.#best, this.#misses, this.#counts] = [best, misses, counts];
  }

  get steps(): number {
    return this.#counts.steps;
  }

  get state(): ProgressState {
    return { ...this.#counts, best: this.#best, misses: this.#misses };
  }

  get ended(): boolean {
    return this.#reason !== "finished";
  }

  /** Whether this is the best state so far. */
  add(trained: TrainResult, steps: number, heldOut: Evaluation | null): boolean {
    const before = this.#counts;
    this.#counts = {
      steps: before.steps + steps,
      tokens: before.tokens + trained.tokens,
      positions: before.positions + trained.positions,
      seconds: before.seconds + trained.seconds,
      loss: trained.loss,
    };
    if (heldOut !== null && !Number.isFinite(heldOut.loss)) {
      this.interrupted(diverged(this.steps, `the held-out loss is ${heldOut.loss}`));
      return false;
    }
    const least = this.#best?.heldOut?.loss ?? Number.POSITIVE_INFINITY;
    if (heldOut === null || heldOut.loss < least) {
      this.#best = { adapter: trained.adapter, bestStep: this.steps, heldOut };
      this.#misses = 0;
      return true;
    }
    this.#misses += 1;
    if (this.#patience > 0 && this.#misses >= this.#patience) this.#reason = "early stop";
    return false;
  }

  interrupted(error: Error): void {
    if (this.#best === null) throw error;
    const diverged = error instanceof KlatchError;
    this.#reason = diverged ? "diverged" : "stopped";
    this.#error = diverged ? error.message : null;
  }

  result(): AloneResult {
    assert.ok(this.#best !== null, "at least one stretch of training");
    return { ...this.#best, ...this.#counts, reason: this.#reason, error: this.#error };
  }
}

/** A divergence or an abort as a value: the caller keeps what it has. */
async function settle(result: Promise<TrainResult>): Promise<TrainResult | Error> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof KlatchError && error.code === "diverged") return error;
    if (error instanceof Error && error.name === "AbortError") return error;
    throw error;
  }
}
