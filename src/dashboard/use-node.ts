import { useEffect, useState } from "preact/hooks";
import type { NodeStatus } from "../node/records/records.ts";
import { ask, asNoAnswer, type Heard, hear, type NoAnswer } from "./client.ts";
import { BLOCKS_SHOWN, EVIDENCE_SHOWN, type Model, modelAfter, ROUNDS_SHOWN } from "./model.ts";

/** What the page knows: nothing yet, or the node as it is; and why no more is heard of it. */
export interface Seen {
  readonly model: Model | null;
  readonly trouble: NoAnswer | null;
}

/** Status is asked for at most so often, and at least so often. */
const SOON_MS = 500;
const REGULARLY_MS = 5000;

/** Follows the node for as long as the page is open. */
export function useNode(): Seen {
  const [seen, setSeen] = useState<Seen>({ model: null, trouble: null });
  useEffect(() => {
    const follower = new Follower((change) =>
      setSeen((before) => ({ ...before, ...change(before) })),
    );
    follower.follow();
  }, []);
  return seen;
}

// --- internal ---

type Change = (before: Seen) => Partial<Seen>;

class Follower {
  readonly #set: (change: Change) => void;
  #isWaiting = false;

  constructor(set: (change: Change) => void) {
    this.#set = set;
  }

  follow(): void {
    const lost = (trouble: NoAnswer) => this.#set(() => ({ trouble }));
    void hear((event) => this.#heard(event), lost);
    setInterval(() => void this.#refresh(), REGULARLY_MS);
  }

  // --- internal ---

  #heard(event: Heard): void {
    if (event.type === "begin") {
      if (event.complete) this.#set(() => ({ trouble: null }));
      else void this.#load();
      return;
    }
    this.#change((model) => modelAfter(model, event));
    if (event.type === "round") void this.#loadChain();
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    setTimeout(() => {
      this.#isWaiting = false;
      void this.#refresh();
    }, SOON_MS);
  }

  /** Everything anew. */
  async #load(): Promise<void> {
    await this.#guarded(async () => {
      const [status, curves, rounds, evidence, chain, machine] = await Promise.all([
        ask<Model["status"]>("status"),
        ask<Model["curves"]>("curves"),
        ask<Model["rounds"]>(`rounds?limit=${ROUNDS_SHOWN}`),
        ask<Model["evidence"]>(`evidence?limit=${EVIDENCE_SHOWN}`),
        ask<Model["chain"]>(`chain?limit=${BLOCKS_SHOWN}`),
        ask<Model["machine"]>("machine"),
      ]);
      const model = { status, curves, rounds, evidence, chain, machine };
      this.#set(() => ({ model, trouble: null }));
    });
  }

  /** What no event tells: traffic, round trips, memory. */
  async #refresh(): Promise<void> {
    await this.#guarded(async () => {
      const [status, machine] = await Promise.all([
        ask<NodeStatus>("status"),
        ask<Model["machine"]>("machine"),
      ]);
      this.#change((model) => ({ ...model, status, machine }));
    });
  }

  async #loadChain(): Promise<void> {
    await this.#guarded(async () => {
      const chain = await ask<Model["chain"]>(`chain?limit=${BLOCKS_SHOWN}`);
      this.#change((model) => ({ ...model, chain }));
    });
  }

  #change(change: (model: Model) => Model): void {
    this.#set(({ model }) => (model === null ? {} : { model: change(model) }));
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#set(() => ({ trouble: asNoAnswer(error) }));
    }
  }
}
