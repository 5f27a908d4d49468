import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { logFileOf } from "./fleet.ts";

const POLL_MS = 250;
/** Most of a log that is looked at for its last lines, and that is read at a time. */
const TAIL_BYTES = 1_048_576;

/** A peer whose log is shown. */
export interface LoggedPeer {
  readonly index: number;
  readonly folder: string;
}

/** The last lines of the logs of peers, and where each ends. */
export class Logs {
  readonly #tails: readonly { readonly peer: LoggedPeer; at: number; rest: string }[];
  readonly #write: (peer: LoggedPeer, line: string) => void;

  constructor(peers: readonly LoggedPeer[], write: (peer: LoggedPeer, line: string) => void) {
    this.#tails = peers.map((peer) => ({ peer, at: 0, rest: "" }));
    this.#write = write;
  }

  /** The last lines of each. */
  tell(lines: number): void {
    for (const tail of this.#tails) {
      const { text, end } = read(tail.peer, null);
      tail.at = end;
      const all = text.split("\n");
      tail.rest = all.pop() ?? "";
      for (const line of all.slice(-lines)) this.#write(tail.peer, line);
    }
  }

  /** What comes after that, for as long as `isUp`. */
  async follow(isUp: () => boolean, signal: AbortSignal): Promise<void> {
    for (let isLast = false; !isLast; ) {
      isLast = signal.aborted || !isUp();
      for (const tail of this.#tails) {
        const { text, end } = read(tail.peer, tail.at);
        tail.at = end;
        const all = (tail.rest + text).split("\n");
        tail.rest = all.pop() ?? "";
        for (const line of all) this.#write(tail.peer, line);
      }
      if (!isLast) await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

// --- internal ---

/** What stands in a log from a place on, or its last part. A peer that has not started has none. */
function read({ folder }: LoggedPeer, from: number | null): { text: string; end: number } {
  let file: number;
  try {
    file = openSync(logFileOf(folder), "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { text: "", end: 0 };
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const start = from ?? Math.max(0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(Math.max(0, Math.min(size - start, TAIL_BYTES)));
    const count = readSync(file, bytes, 0, bytes.length, start);
    return { text: bytes.toString("utf8", 0, count), end: start + count };
  } finally {
    closeSync(file);
  }
}
