import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { FILE_BYTES_MAX } from "../store/array-file.ts";
import { realFileSystem } from "../store/file-system.ts";
import { Generations } from "../store/generations.ts";
import {
  fromTraining,
  type Settings,
  type TrainingCheckpoint,
  toTraining,
} from "../store/training-files.ts";

/** Beside the adapter that a training writes. */
const FOLDER = "checkpoint";
/** The newest, and one to fall back on where that is damaged. */
const KEPT = 2;
/** An adapter, its two moments, and the best adapter so far. */
const ARRAYS = 4;
/** Room for what is told of them. */
const FACTS_BYTES = 1 << 20;

/** Checkpoints of a training alone, in a folder beside its adapter, for as long as it is not over. */
export class TrainingCheckpoints {
  readonly #folder: string;
  readonly #out: string;
  readonly #generations: Generations;

  constructor(out: string) {
    this.#out = out;
    this.#folder = join(out, FOLDER);
    this.#generations = new Generations(realFileSystem, this.#folder, "training", KEPT);
  }

  /** What an adapter of so many numbers takes on the disk; null where it is too large to be kept in a file. */
  static bytesFor(length: number): number | null {
    const bytes = ARRAYS * Float32Array.BYTES_PER_ELEMENT * length + FACTS_BYTES;
    // One more is written before the oldest goes.
    return bytes > FILE_BYTES_MAX ? null : (KEPT + 1) * bytes;
  }

  /**
   * The newest intact checkpoint; a damaged one is put aside and told to `warn`.
   *
   * @throws KlatchError `usage` when there is none, `disk` when none is intact
   */
  newest(warn: (sentence: string) => void): TrainingCheckpoint {
    const found = this.#generations.loadNewest(toTraining, warn);
    if (found !== null) return found;
    throw new KlatchError(
      "usage",
      `${this.#out} holds no checkpoint to go on from: the training is over, or ended before its first evaluation`,
      "leave --resume out to begin, or go on from a finished adapter with --init",
    );
  }

  save(checkpoint: TrainingCheckpoint): void {
    this.#generations.save(checkpoint.state.progress.steps, fromTraining(checkpoint));
  }

  /** Of a training that is over, or that another one takes the place of. */
  remove(): void {
    this.#generations.clear();
    // What else is in it is not this program's.
    const isEmpty = existsSync(this.#folder) && readdirSync(this.#folder).length === 0;
    if (isEmpty) rmdirSync(this.#folder);
  }
}

/**
 * Refuses to go on with other settings than those of the checkpoint: what came out would be the result of neither.
 *
 * @throws KlatchError `incompatible` naming each that differs
 */
export function checkSameTraining(kept: Settings, now: Settings): void {
  const differing = Object.keys({ ...kept, ...now }).filter((key) => kept[key] !== now[key]);
  if (differing.length === 0) return;
  const named = differing.map(
    (key) => `${key} ${now[key] ?? "not set"}, in the checkpoint ${kept[key] ?? "not set"}`,
  );
  throw new KlatchError(
    "incompatible",
    `the checkpoint is of another training: ${named.join("; ")}`,
    "give the settings of the interrupted training; or begin another from its adapter with --init, or anew with --force",
  );
}
