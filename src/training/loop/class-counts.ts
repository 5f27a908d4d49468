import type { Batch } from "../batches/batch.ts";

/** How often each class was right, missed, and said wrongly. */
export class ClassCounts {
  readonly #hits: number[] = [];
  readonly #actual: number[] = [];
  readonly #predicted: number[] = [];

  get empty(): boolean {
    return this.#actual.length === 0;
  }

  /**
   * Counts the texts of a batch; logits [batch, classes], the greatest of a row is the answer. Where a row may have any
   * number of classes, the answers are all above zero.
   */
  add(logits: Float32Array, { tokens: texts, targets, labels, shape }: Batch): void {
    const classes = logits.length / shape.batch;
    for (let row = 0; row < texts; row += 1) {
      const scores = logits.subarray(row * classes, (row + 1) * classes);
      if (labels === undefined) {
        this.#count([Number(targets[row])], [scores.indexOf(Math.max(...scores))]);
      } else {
        const answers = [...scores.keys()].filter((i) => (scores[i] ?? 0) > 0);
        this.#count(labels[row] ?? [], answers);
      }
    }
  }

  #count(actual: readonly number[], answers: readonly number[]): void {
    for (const label of actual) increment(this.#actual, label);
    for (const answer of answers) {
      increment(this.#predicted, answer);
      if (actual.includes(answer)) increment(this.#hits, answer);
    }
  }

  /** F1 of each class that occurs, as a label or an answer, averaged without regard to its size. */
  macroF1(): number {
    const classes = Math.max(this.#actual.length, this.#predicted.length);
    let total = 0;
    let count = 0;
    for (let i = 0; i < classes; i += 1) {
      const both = (this.#actual[i] ?? 0) + (this.#predicted[i] ?? 0);
      if (both === 0) continue;
      total += (2 * (this.#hits[i] ?? 0)) / both;
      count += 1;
    }
    return count === 0 ? 0 : total / count;
  }
}

function increment(counts: number[], at: number): void {
  counts[at] = (counts[at] ?? 0) + 1;
}
