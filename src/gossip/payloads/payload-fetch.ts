import type { Stream } from "@libp2p/interface";
import type { Digest, PeerId } from "../../types.ts";
import { backOffMs } from "../connections/dial-plan.ts";
import type { FetchFailure, FetchOutcome, FileOutcome, WantedPayload } from "../contract.ts";
import { reasonOf } from "../log.ts";
import { type AttemptEnd, type ChunkTarget, isComplete, pullOver } from "./payload-attempt.ts";
import { PayloadBuffer } from "./payload-buffer.ts";
import { Semaphore } from "./semaphore.ts";

const RETRY_BASE_MS = 200;
const RETRY_MAX_MS = 5000;
/** Attempts that each bring something are bounded too: one chunk per broken stream is not a transfer. */
const MAX_ATTEMPTS = 100;

export interface PayloadFetcherOptions {
  readonly maxPayloadBytes: number;
  readonly chunkBytes: number;
  readonly openWaitMs: number;
  readonly stallMs: number;
  readonly minBytesPerSecond: number;
  readonly fetchAttempts: number;
  readonly maxFetches: number;
  readonly maxWaitingFetches: number;
  readonly random: () => number;
  /** Opens a stream of the payload protocol to a peer, connecting first when need be. */
  readonly openStream: (peer: PeerId, signal: AbortSignal) => Promise<Stream>;
}

type Wanted = Pick<WantedPayload, "digest" | "isMost">;
type Failed = Extract<FileOutcome, { readonly ok: false }>;

/** Pulls payloads from peers: bounded in size, time and number, going on where a broken stream left off. */
export class PayloadFetcher {
  readonly #options: PayloadFetcherOptions;
  readonly #turns: Semaphore;

  constructor(options: PayloadFetcherOptions) {
    this.#options = options;
    this.#turns = new Semaphore(options.maxFetches, options.maxWaitingFetches);
  }

  /** Fetches the bytes with that digest. Whatever the peer does, the outcome is a value. */
  async fetch(peer: PeerId, payload: WantedPayload, signal: AbortSignal): Promise<FetchOutcome> {
    const { maxPayloadBytes } = this.#options;
    if (payload.bytes > maxPayloadBytes) {
      return failed("too-large", `${payload.bytes} bytes announced, ${maxPayloadBytes} allowed`);
    }
    return this.#inTurn(signal, async () => {
      const buffer = new PayloadBuffer(payload.bytes);
      const end = await this.#fill(buffer, peer, payload, signal);
      if (end.kind !== "complete") return failed(end.failure, end.detail);
      const bytes = buffer.finish(payload.digest);
      if (bytes !== null) return { ok: true, bytes };
      const detail = `the ${buffer.size} bytes are not those that were announced`;
      return failed("digest-mismatch", detail);
    });
  }

  /** Fetches what a target lacks of the content with that digest, which is the target's to check. Never rejects. */
  async fetchInto(
    target: ChunkTarget,
    peer: PeerId,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<FileOutcome> {
    return this.#inTurn(signal, async () => {
      const end = await this.#fill(target, peer, { digest }, signal);
      return end.kind === "complete" ? { ok: true } : failed(end.failure, end.detail);
    });
  }

  async #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Failed> {
    const release = await this.#turns.acquire(signal);
    if (release === "aborted") return failed("timeout", "the deadline passed before its turn came");
    if (release === "full") return failed("unreachable", "too many transfers are waiting already");
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** Attempt after attempt, until the target is full or it makes no sense to go on. */
  async #fill(
    target: ChunkTarget,
    peer: PeerId,
    wanted: Wanted,
    signal: AbortSignal,
  ): Promise<AttemptEnd> {
    const { fetchAttempts, random } = this.#options;
    let fruitless = 0;
    for (let attempt = 1; !isComplete(target); attempt += 1) {
      const before = target.received;
      const end = await this.#attempt(peer, wanted, target, signal);
      if (end.kind !== "broken") return end;
      // a trickle is no progress: it would keep a transfer alive for as long as the peer likes
      const progress = target.received > before && end.failure !== "timeout";
      fruitless = progress ? 0 : fruitless + 1;
      if (fruitless >= fetchAttempts || attempt >= MAX_ATTEMPTS) {
        const detail = `${end.detail} (attempt ${attempt}, ${target.received} bytes)`;
        return { ...end, kind: "final", detail };
      }
      const pace = { baseMs: RETRY_BASE_MS, maxMs: RETRY_MAX_MS, random };
      await pause(backOffMs(fruitless, pace), signal);
    }
    return { kind: "complete" };
  }

  async #attempt(
    peer: PeerId,
    { digest, isMost = false }: Wanted,
    target: ChunkTarget,
    signal: AbortSignal,
  ): Promise<AttemptEnd> {
    if (signal.aborted) return { kind: "final", failure: "timeout", detail: "the deadline passed" };
    let stream: Stream;
    try {
      stream = await this.#options.openStream(peer, signal);
    } catch (error) {
      const kind = signal.aborted ? "final" : "broken";
      const failure = signal.aborted ? "timeout" : "unreachable";
      return { kind, failure, detail: `no connection: ${reasonOf(error)}` };
    }
    return pullOver(stream, target, { ...this.#options, digest, isMost, signal });
  }
}

/** Waits, or less when the signal aborts. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const wake = () => resolve();
  signal.addEventListener("abort", wake, { once: true });
  if (signal.aborted) resolve();
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", wake);
}

function failed(failure: FetchFailure, detail: string): Failed {
  return { ok: false, failure, detail };
}
