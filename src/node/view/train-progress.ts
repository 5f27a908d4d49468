import type { AloneEvent } from "../../training/index.ts";
import { bar } from "./progress-bar.ts";
import { duration, perSecond } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Least time between two pictures, ms. */
const REDRAW_MS = 100;

/**
 * Shows how a training goes, on the error stream so that results stay clean. Each evaluation is a line, with the
 * speed since the one before. A terminal also has a bar that follows the steps.
 */
export class TrainProgress {
  readonly #steps: number;
  readonly #terminal: Pick<Terminal, "note" | "overwrite">;
  readonly #unit: "tokens" | "texts";
  readonly #now: () => number;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #loss = 0;
  #tokens = 0;
  #seconds = 0;
  #count = 0;
  #first: { readonly step: number; readonly at: number } | null = null;

  constructor(
    steps: number,
    terminal: Pick<Terminal, "note" | "overwrite">,
    unit: "tokens" | "texts" = "tokens",
    now: () => number = performance.now.bind(performance),
  ) {
    this.#steps = steps;
    this.#terminal = terminal;
    this.#unit = unit;
    this.#now = now;
  }

  show(event: AloneEvent): void {
    if (event.kind === "step") this.#step(event.metrics);
    if (event.kind === "evaluation") this.#evaluation(event);
    if (event.kind === "end") this.#terminal.overwrite("");
  }

  #step({
    step,
    loss,
    tokens,
    positions,
    seconds,
  }: Extract<AloneEvent, { kind: "step" }>["metrics"]): void {
    this.#loss += loss;
    this.#tokens += this.#unit === "tokens" ? positions : tokens;
    this.#seconds += seconds;
    this.#count += 1;
    if (step < this.#steps && this.#now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = this.#now();
    // A line of 80 columns has room for one of the two; each evaluation tells the speed.
    const last = this.#left(step) ?? this.#speed();
    this.#terminal.overwrite(`${bar(step / this.#steps)}  ${this.#line(step)}  ${last}`);
  }

  /** How long the rest will take at the speed so far, evaluations included; null when it is as good as over. */
  #left(step: number): string | null {
    this.#first ??= { step, at: this.#now() };
    const { step: first, at } = this.#first;
    if (step === first) return null;
    const seconds = (((this.#now() - at) / (step - first)) * (this.#steps - step)) / 1000;
    return seconds < 1 ? null : `${duration(seconds)} left`;
  }

  #evaluation({ step, heldOut }: Extract<AloneEvent, { kind: "evaluation" }>): void {
    const measured = `held out ${heldOut.loss.toFixed(4)}`;
    this.#terminal.note(`${this.#line(step)}  ${measured}  ${this.#speed()}`);
    [this.#loss, this.#tokens, this.#seconds, this.#count] = [0, 0, 0, 0];
  }

  #line(step: number): string {
    const loss = (this.#loss / Math.max(1, this.#count)).toFixed(4);
    return `step ${step}/${this.#steps}  loss ${loss}`;
  }

  #speed(): string {
    return `${perSecond(this.#tokens / Math.max(1e-9, this.#seconds))} ${this.#unit}/s`;
  }
}
