import { KlatchError } from "../../errors.ts";

/** Weight of the newest loss in the moving average; ten steps or so are remembered. */
const SMOOTHING = 0.1;
/** Steps before the average says anything. */
const STEPS_MIN = 10;
/** The average may be this many times its least value, and this many nats more, before training counts as diverged. */
const RISE_MAX = 2;
const SLACK_NATS = 1;

/** What the watchdog knows of a training's losses. */
export interface WatchState {
  readonly average: number;
  readonly least: number;
  readonly steps: number;
}

/** Tells a training that has left its path from the noise of small batches. */
export class LossWatchdog {
  #average: number;
  #least: number;
  #steps: number;

  constructor(from: WatchState = { average: 0, least: Number.POSITIVE_INFINITY, steps: 0 }) {
    this.#average = from.average;
    this.#least = from.least;
    this.#steps = from.steps;
  }

  get state(): WatchState {
    return { average: this.#average, least: this.#least, steps: this.#steps };
  }

  /** Why training should stop after a step of this loss and gradient norm; null while all is well. */
  observe(loss: number, gradientNorm: number): string | null {
    if (!Number.isFinite(loss)) return `the loss is ${loss}`;
    if (!Number.isFinite(gradientNorm)) return `the gradient's norm is ${gradientNorm}`;
    this.#steps += 1;
    // An average that starts at zero is too small by this much.
    this.#average += SMOOTHING * (loss - this.#average);
    const average = this.#average / (1 - (1 - SMOOTHING) ** this.#steps);
    // The first loss counts too: a training that leaves at once never has a low average.
    if (this.#steps === 1) this.#least = loss;
    if (this.#steps < STEPS_MIN) return null;
    this.#least = Math.min(this.#least, average);
    if (average <= RISE_MAX * this.#least + SLACK_NATS) return null;
    return `the loss rose from ${this.#least.toFixed(3)} to ${average.toFixed(3)}`;
  }
}

/** The end of a training that went wrong at a step, and what showed it. */
export function diverged(step: number, trouble: string): KlatchError {
  return new KlatchError(
    "diverged",
    `training diverged at step ${step}: ${trouble}`,
    "lower the learning rate or the gradient clip",
  );
}
