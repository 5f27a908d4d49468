import type { NodeEvent } from "../../records/records.ts";
import { BLOCKS_SHOWN, EVIDENCE_SHOWN, type Model, modelAfter, ROUNDS_SHOWN } from "./model.ts";

/*
 * Runs in browsers and in Node: nothing but what both have.
 */

/** Asks a node for something below `/v1/`; throws {@link NoAnswer} for any answer that is not good. */
export type Request = (
  path: string,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
) => Promise<Response>;

/** Why a node did not answer: it asks for a token, it has another reason, or it is not there. */
export class NoAnswer extends Error {
  readonly code: number | null;

  constructor(code: number | null, message: string) {
    super(message);
    this.code = code;
  }
}

/** What is known of a node: nothing yet, or the node as it is; and why no more is heard of it. */
export interface Seen {
  readonly model: Model | null;
  readonly trouble: NoAnswer | null;
}

/** Status is asked for at most so often, and at least so often. */
const SOON_MS = 500;
const REGULARLY_MS = 5000;
/** How long to wait before the next attempt to hear events. */
const RETRY_MS = 2000;

/** Everything that there is to show of a node, at this moment. */
export async function loadModel(request: Request): Promise<Model> {
  const ask = <T>(path: string) => answerTo<T>(request, path);
  const [status, curves, rounds, evidence, chain, machine] = await Promise.all([
    ask<Model["status"]>("status"),
    ask<Model["curves"]>("curves"),
    ask<Model["rounds"]>(`rounds?limit=${ROUNDS_SHOWN}`),
    ask<Model["evidence"]>(`evidence?limit=${EVIDENCE_SHOWN}`),
    ask<Model["chain"]>(`chain?limit=${BLOCKS_SHOWN}`),
    ask<Model["machine"]>("machine"),
  ]);
  return { status, curves, rounds, evidence, chain, machine };
}

/**
 * Follows a node by its events, and asks for what no event tells: traffic, round trips, memory. Comes back when the
 * connection is lost, until the signal says that it is enough.
 */
export class Follower {
  readonly #request: Request;
  readonly #tell: (seen: Seen) => void;
  #seen: Seen = { model: null, trouble: null };
  #isWaiting = false;

  constructor(request: Request, tell: (seen: Seen) => void) {
    this.#request = request;
    this.#tell = tell;
  }

  follow(signal?: AbortSignal): void {
    void this.#hear(signal);
    const timer = setInterval(() => void this.#refresh(), REGULARLY_MS);
    signal?.addEventListener("abort", () => clearInterval(timer));
  }

  // --- internal ---

  async #hear(signal?: AbortSignal): Promise<void> {
    const isOver = () => signal?.aborted === true;
    let last: string | null = null;
    while (!isOver()) {
      try {
        const headers: Record<string, string> = last === null ? {} : { "last-event-id": last };
        const { body } = await this.#request("events", headers, signal);
        if (body !== null) {
          for await (const { id, event } of eventsOf(body)) {
            last = id;
            this.#heard(event);
          }
        }
        this.#lost(new NoAnswer(null, "the node has closed the connection"));
      } catch (error) {
        if (isOver()) return;
        this.#lost(error);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #heard(event: Heard): void {
    if (event.type === "begin") {
      if (event.complete) this.#set({ trouble: null });
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
  #load(): Promise<void> {
    return this.#guarded(async () => {
      this.#set({ model: await loadModel(this.#request), trouble: null });
    });
  }

  #refresh(): Promise<void> {
    return this.#guarded(async () => {
      const [status, machine] = await Promise.all([
        this.#ask<Model["status"]>("status"),
        this.#ask<Model["machine"]>("machine"),
      ]);
      this.#change((model) => ({ ...model, status, machine }));
    });
  }

  #loadChain(): Promise<void> {
    return this.#guarded(async () => {
      const chain = await this.#ask<Model["chain"]>(`chain?limit=${BLOCKS_SHOWN}`);
      this.#change((model) => ({ ...model, chain }));
    });
  }

  #ask<T>(path: string): Promise<T> {
    return answerTo<T>(this.#request, path);
  }

  #change(change: (model: Model) => Model): void {
    const { model } = this.#seen;
    if (model !== null) this.#set({ model: change(model) });
  }

  #set(change: Partial<Seen>): void {
    this.#seen = { ...this.#seen, ...change };
    this.#tell(this.#seen);
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#lost(error);
    }
  }

  #lost(error: unknown): void {
    const isTold = error instanceof NoAnswer;
    this.#set({ trouble: isTold ? error : new NoAnswer(null, "no answer from the node") });
  }
}

// --- internal ---

/** What the stream of events tells: what happened, or whether something was missed. */
type Heard = NodeEvent | { readonly type: "begin"; readonly complete: boolean };

async function answerTo<T>(request: Request, path: string): Promise<T> {
  return (await (await request(path, {})).json()) as T;
}

async function* eventsOf(body: ReadableStream<Uint8Array>) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, id, type, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (id === undefined || data === undefined) continue;
      yield { id, event: { type, ...JSON.parse(data) } as Heard };
    }
  }
}
