import { KlatchError } from "../../errors.ts";
import type { FetchFailure, FileOutcome } from "../../gossip/index.ts";
import type { PeerId } from "../../types.ts";
import { timeText } from "../admission/admission-text.ts";

/** What a peer may send that is another file, in whole: what was here before may have been the fault. */
const WRONG_MAX = 2;
/** Failures that no further question mends. */
const FINAL: ReadonlySet<FetchFailure> = new Set(["missing", "malformed", "too-large"]);
const HINT =
  "the same command goes on; or run it with --model and your own folder of the model, the seat is yours";

export interface SourcesOptions {
  /** How long nothing may come, milliseconds. */
  readonly patienceMs: number;
  readonly tell: (sentence: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Who is asked for a file, in turn, until nobody is left or nothing has come for too long. */
export class Sources {
  readonly #file: string;
  readonly #options: SourcesOptions;
  readonly #now: () => number;
  readonly #wrong = new Map<PeerId, number>();
  #left: readonly PeerId[];
  #turn = 0;
  #deadline: number;
  #told = "";

  constructor(peers: readonly PeerId[], file: string, options: SourcesOptions) {
    this.#left = peers;
    this.#file = file;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#deadline = this.#now() + options.patienceMs;
  }

  next(): PeerId {
    const peer = this.#left[this.#turn % this.#left.length];
    if (peer === undefined) throw new TypeError("who has nobody to ask was told so before");
    return peer;
  }

  /**
   * Notes that a source did not give the file, or one that is not right; whether all have been asked now, so that a
   * pause is due.
   *
   * @throws KlatchError `data` or `network` where it is the end
   */
  failed(peer: PeerId, outcome: FileOutcome, isProgress: boolean): boolean {
    if (isProgress) this.#deadline = this.#now() + this.#options.patienceMs;
    const why = outcome.ok ? "what it sent is another file" : outcome.detail;
    if (this.#isOut(peer, outcome)) return this.#strike(peer, outcome, why);
    // what brings something may go on
    if (!isProgress) this.#turn += 1;
    if (this.#now() >= this.#deadline) throw this.#end("network", peer, why);
    const news = `${this.#file} does not come from ${peer}: ${why}`;
    if (news !== this.#told) {
      this.#options.tell(`${news}; tries again until ${timeText(this.#deadline)}`);
    }
    this.#told = news;
    return this.#turn % this.#left.length === 0;
  }

  #isOut(peer: PeerId, outcome: FileOutcome): boolean {
    if (!outcome.ok) return FINAL.has(outcome.failure);
    const count = (this.#wrong.get(peer) ?? 0) + 1;
    this.#wrong.set(peer, count);
    return count >= WRONG_MAX;
  }

  #strike(peer: PeerId, outcome: FileOutcome, why: string): boolean {
    this.#left = this.#left.filter((each) => each !== peer);
    if (this.#left.length === 0) throw this.#end(outcome.ok ? "data" : "network", peer, why);
    this.#options.tell(`${this.#file} is not asked of ${peer} again: ${why}`);
    this.#turn = 0;
    return false;
  }

  #end(code: "data" | "network", peer: PeerId, why: string): KlatchError {
    return new KlatchError(
      code,
      `${this.#file} of the model was not had from ${peer}: ${why}`,
      HINT,
    );
  }
}
