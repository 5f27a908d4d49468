import { randomBytes } from "node:crypto";
import type { NodeEvent } from "../records/records.ts";
import { toldEvent } from "../records/told.ts";

/** Events that are kept for readers that come back: so many, of so many characters in all. */
const KEPT_MAX = 1000;
const KEPT_CHARACTERS_MAX = 2 ** 20;

/** An event as it is sent. */
export interface Frame {
  readonly id: string;
  readonly text: string;
}

/**
 * What has happened in a node, numbered: the last of it for whoever comes back, and all that follows for whoever
 * listens. An id names this process too, so that one of an earlier process is known to be no place in this log.
 */
export class EventLog {
  readonly #process = randomBytes(6).toString("hex");
  #count = 0;
  #kept: Frame[] = [];
  #characters = 0;
  readonly #listeners = new Set<(frame: Frame) => void>();

  /** The id of the newest event; of none when there was none. */
  get newest(): string {
    return this.#idOf(this.#count);
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  tell(event: NodeEvent): void {
    const { type, ...data } = toldEvent(event);
    this.#count += 1;
    const frame = frameOf(this.newest, type, data);
    this.#kept.push(frame);
    this.#characters += frame.text.length;
    while (this.#kept.length > KEPT_MAX || this.#characters > KEPT_CHARACTERS_MAX) {
      this.#characters -= this.#kept.shift()?.text.length ?? 0;
    }
    for (const listener of this.#listeners) listener(frame);
  }

  /** What came after an event; null where that is not known any more. */
  after(id: string): readonly Frame[] | null {
    const [, process, digits] = /^([0-9a-f]{12})-(0|[1-9][0-9]{0,14})$/.exec(id) ?? [];
    const missed = this.#count - Number(digits);
    if (process !== this.#process || missed < 0 || missed > this.#kept.length) return null;
    return missed === 0 ? [] : this.#kept.slice(-missed);
  }

  /** Calls a listener with each event from now on, until the function that is returned is called. */
  listen(listener: (frame: Frame) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // --- internal ---

  #idOf(count: number): string {
    return `${this.#process}-${count}`;
  }
}

/** In the format of server-sent events; JSON has no line breaks of its own. */
export function frameOf(id: string, name: string, data: object): Frame {
  return { id, text: `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n` };
}
