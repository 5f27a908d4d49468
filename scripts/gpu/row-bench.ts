import { join } from "node:path";
import { KlatchError } from "../../src/errors.ts";
import { gradientDifference } from "../../src/training/bench/engine-measurement.ts";
import { measureApart } from "../../src/training/bench/engine-process.ts";
import { MemoryWatch } from "./card.ts";
import type { StepWork } from "./floors.ts";
import { type ModelFolder, START_FILE, writeModel } from "./model-folder.ts";
import type { Options } from "./options.ts";
import { measurePytorch } from "./pytorch.ts";
import {
  type DType,
  type Figures,
  NOT_REACHED,
  type Outcome,
  REFERENCE,
  type Row,
  rowLimit,
} from "./rows.ts";

export const LORA = { rank: 8, targets: ["q", "v"] };

type Found = Omit<Figures, "gradientDifference" | "deviceBytes"> & {
  readonly gradient: Float32Array;
};

/** Measures rows one after the other; keeps each model's folder and reference gradients for the rows that follow. */
export class RowBench {
  readonly #options: Options;
  readonly #folder: string;
  readonly #secondsLeft: () => number;
  readonly #models = new Map<string, ModelFolder>();
  readonly #references = new Map<string, Float32Array>();

  constructor(options: Options, folder: string, secondsLeft: () => number) {
    this.#options = options;
    this.#folder = folder;
    this.#secondsLeft = secondsLeft;
  }

  /** What becomes of a row; one that fails does not end the call. */
  async measure(row: Row): Promise<Outcome> {
    if (this.#limit() === null) return NOT_REACHED;
    try {
      const model = await this.#model(row.model);
      const limit = this.#limit();
      if (limit === null) return NOT_REACHED;
      const { found, deviceBytes } = await watched(() => this.#run(row, model, limit));
      if (found instanceof KlatchError) return this.#failed(found.message, limit);
      return { state: "measured", figures: this.#figures(row, found, deviceBytes) };
    } catch (error) {
      return { state: "failed", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** What a step on the model works on, once a row of it was begun. */
  work(model: string): StepWork | null {
    return this.#models.get(model)?.work ?? null;
  }

  // --- internal ---

  #limit(): number | null {
    return rowLimit(this.#secondsLeft(), this.#options.limit);
  }

  #failed(message: string, limit: number): Outcome {
    const cutShort = limit < this.#options.limit && message.endsWith(`took longer than ${limit} s`);
    const reason = cutShort ? `${message}, which were all that was left` : message;
    return { state: "failed", reason };
  }

  async #model(shape: string): Promise<ModelFolder> {
    const { batch, seq: sequence } = this.#options;
    const folder = join(this.#folder, String(this.#models.size));
    const model =
      this.#models.get(shape) ?? (await writeModel(folder, shape, { batch, sequence, ...LORA }));
    this.#models.set(shape, model);
    return model;
  }

  #figures(row: Row, { gradient, ...found }: Found, deviceBytes: number | null): Figures {
    if (row.program === REFERENCE.program && row.dtype === REFERENCE.dtype) {
      this.#references.set(row.model, gradient);
    }
    const reference = this.#references.get(row.model);
    const difference = reference === undefined ? null : gradientDifference(gradient, reference);
    return { ...found, gradientDifference: difference, deviceBytes };
  }

  async #run(
    { program, dtype }: Row,
    model: ModelFolder,
    limit: number,
  ): Promise<Found | KlatchError> {
    if (program === "pytorch") return this.#pytorch(dtype, model, limit);
    const { batch, seq: sequence, threads, steps, seconds } = this.#options;
    const { folder } = model;
    const task = { folder, batch, sequence, ...LORA, threads, dtype, steps, seconds };
    const found = await measureApart(program, task, limit);
    if (found instanceof KlatchError) return found;
    const { software, ...figures } = found;
    const remark = software ? "its device is computed by the CPU" : null;
    return { ...figures, onCpu: software, remark };
  }

  async #pytorch(dtype: DType, model: ModelFolder, limit: number): Promise<Found | KlatchError> {
    const { threads, steps, seconds, python } = this.#options;
    const { folder, order, scale } = model;
    const task = { folder, start: START_FILE, order, scale, half: dtype === "f16" };
    const found = await measurePytorch(python, { ...task, threads, steps, seconds }, limit);
    if (found instanceof KlatchError) return found;
    const { device, dtype: kind, version, ...figures } = found;
    const remark = `PyTorch ${version} on ${device} in ${kind}`;
    return { ...figures, onCpu: device === "cpu", remark };
  }
}

/** What `run` gives, and what the card held meanwhile. */
async function watched<T>(
  run: () => Promise<T>,
): Promise<{ readonly found: T; readonly deviceBytes: number | null }> {
  const watch = new MemoryWatch();
  try {
    const found = await run();
    return { found, deviceBytes: await watch.close() };
  } finally {
    await watch.close();
  }
}
