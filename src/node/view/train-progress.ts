import type { AloneEvent } from "../../training/index.ts";
import { bar } from "./progress-bar.ts";
import { perSecond } from "./table.ts";
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

  #step({ step, loss, tokens, seconds }: Extract<AloneEvent, { kind: "step" }>["metrics"]): void {
    this.#loss += loss;
    this.#tokens += tokens;
    this.#seconds += seconds;
    this.#count += 1;
    if (step < this.#steps && this.#now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = this.#now();
    this.#terminal.overwrite(`${bar(step / this.#steps)}  ${this.#line(step, "")}`);
  }

  #evaluation({ step, heldOut }: Extract<AloneEvent, { kind: "evaluation" }>): void {
    this.#terminal.note(this.#line(step, `  held out ${heldOut.loss.toFixed(4)}`));
    [this.#loss, this.#tokens, this.#seconds, this.#count] = [0, 0, 0, 0];
  }

  #line(step: number, heldOut: string): string {
    const loss = (this.#loss / Math.max(1, this.#count)).toFixed(4);
    const speed = perSecond(this.#tokens / Math.max(1e-9, this.#seconds));
    return `step ${step}/${this.#steps}  loss ${loss}${heldOut}  ${speed} ${this.#unit}/s`;
  }
}
