import type { Writable } from "node:stream";
import type { Member } from "../processes/fleet.ts";
import { completedRounds, progressLine, renderTable } from "./table.ts";

/** Shows how a run goes on. */
export interface Progress {
  update(members: readonly Member[]): void;
  /** One line about something that happened. */
  note(text: string): void;
  /** Leaves the last picture on the screen. */
  close(): void;
}

/** A stream that may be a terminal. */
export type Output = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

const ESCAPE = "\u001b[";

/** A table that redraws itself on a terminal, one line per round elsewhere, nothing without an output. */
export function createProgress(output: Output | null, now: () => number = Date.now): Progress {
  if (output === null) return { update: () => {}, note: () => {}, close: () => {} };
  return output.isTTY === true ? new LiveTable(output, now) : new Lines(output, now);
}

class LiveTable implements Progress {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #startedAt: number;
  #drawn = 0;

  constructor(output: Output, now: () => number) {
    this.#output = output;
    this.#now = now;
    this.#startedAt = now();
  }

  update(members: readonly Member[]): void {
    const { NO_COLOR } = process.env;
    const lines = renderTable(members, {
      width: Math.max(20, (this.#output.columns ?? 100) - 1),
      height: Math.max(8, (this.#output.rows ?? 50) - 2),
      colour: NO_COLOR === undefined,
      seconds: (this.#now() - this.#startedAt) / 1000,
    });
    this.#erase();
    this.#output.write(`${lines.join("\n")}\n`);
    this.#drawn = lines.length;
  }

  note(text: string): void {
    this.#erase();
    this.#output.write(`${text}\n`);
  }

  close(): void {
    if (this.#drawn > 0) this.#output.write("\n");
    this.#drawn = 0;
  }

  /** Goes back up to the first line that was drawn, and clears from there. */
  #erase(): void {
    if (this.#drawn > 0) this.#output.write(`${ESCAPE}${this.#drawn}A${ESCAPE}0J`);
    this.#drawn = 0;
  }
}

class Lines implements Progress {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #startedAt: number;
  #shown = 0;

  constructor(output: Output, now: () => number) {
    this.#output = output;
    this.#now = now;
    this.#startedAt = now();
  }

  update(members: readonly Member[]): void {
    const rounds = completedRounds(members);
    if (rounds <= this.#shown) return;
    this.#shown = rounds;
    this.note(progressLine(members, (this.#now() - this.#startedAt) / 1000));
  }

  note(text: string): void {
    this.#output.write(`${text}\n`);
  }

  close(): void {
    this.#shown = 0;
  }
}
