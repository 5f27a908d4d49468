import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
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

  /**
   * Begins the file anew, or behind the rows of so many steps that are in it.
   *
   * @throws KlatchError `permission` or `disk` where the file cannot be written
   */
  constructor(file: string, after = 0) {
    this.#file = file;
    this.#guarded(() => writeFileSync(file, [csvLine(COLUMNS), ...rowsUpTo(file, after)].join("")));
  }

  take(event: AloneEvent): void {
    if (event.kind === "step") {
      this.#flush();
      this.#step = event.metrics;
    }
    if (event.kind === "evaluation") this.#heldOut = event.heldOut.loss;
    if (event.kind === "checkpoint" || event.kind === "end") this.#flush();
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

/** The lines of the first steps in a history; what was taken after them is taken again. */
function rowsUpTo(file: string, step: number): readonly string[] {
  if (step === 0 || !existsSync(file)) return [];
  const [, ...lines] = readFileSync(file, "utf8").split(/(?<=\n)/);
  return lines.filter((line) => line.endsWith("\n") && Number.parseInt(line, 10) <= step);
}
