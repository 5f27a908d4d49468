import { appendFileSync, writeFileSync } from "node:fs";
import type { AloneEvent } from "../../training/index.ts";
import { fileError } from "../store/file-system.ts";
import { csvLine } from "./csv.ts";

const COLUMNS = [
  ...["step", "loss", "held_out_loss", "learning_rate", "gradient_norm", "tokens", "seconds"],
] as const;

type Step = Extract<AloneEvent, { kind: "step" }>["metrics"];

/** How the loss went, step by step, as a CSV file that grows while a training runs. */
export class LossHistory {
  readonly #file: string;
  /** Written with what is measured after it, once the next begins. */
  #step: Step | null = null;
  #heldOut: number | null = null;

  /** @throws KlatchError `permission` or `disk` where the file cannot be written */
  constructor(file: string) {
    this.#file = file;
    this.#guarded(() => writeFileSync(file, csvLine(COLUMNS)));
  }

  take(event: AloneEvent): void {
    if (event.kind === "step") {
      this.#flush();
      this.#step = event.metrics;
    }
    if (event.kind === "evaluation") this.#heldOut = event.heldOut.loss;
    if (event.kind === "end") this.#flush();
  }

  // --- internal ---

  #flush(): void {
    if (this.#step === null) return;
    const { step, loss, learningRate, gradientNorm, tokens, seconds } = this.#step;
    const cells = [step, loss, this.#heldOut, learningRate, gradientNorm, tokens, seconds];
    this.#guarded(() => appendFileSync(this.#file, csvLine(cells)));
    this.#step = null;
    this.#heldOut = null;
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw fileError(error, this.#file);
    }
  }
}
