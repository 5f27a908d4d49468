import type { BlockPayload } from "../../../consensus/index.ts";
import { KlatchError } from "../../../errors.ts";
import type { Digest, PeerId, Reason } from "../../../types.ts";
import { pause } from "../clock.ts";
import type { PeerParts } from "../peer-parts.ts";

/** Heights whose payloads are kept for those that are slower. */
const HEIGHTS_KEPT = 2;
/** So long a peer has to give a payload before another is asked as well. */
const PATIENCE_MS = 2000;

/** Bytes by digest, pulled from whoever holds them and served to whoever asks. */
export class PayloadPool {
  readonly #parts: Pick<PeerParts, "network" | "clock" | "config" | "metrics" | "log">;
  readonly #signal: AbortSignal;
  /** Of the newest heights, the newest last. */
  readonly #heights: Map<Digest, Uint8Array>[] = [new Map()];

  constructor(parts: PeerParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  get(digest: Digest): Uint8Array | null {
    for (const height of this.#heights) {
      const bytes = height.get(digest);
      if (bytes !== undefined) return bytes;
    }
    return null;
  }

  /** Keeps bytes and serves them from now on. */
  serve(digest: Digest, bytes: Uint8Array): void {
    const { network, log } = this.#parts;
    this.keep(digest, bytes);
    try {
      network.hold(digest, bytes);
      network.open(digest);
    } catch (error) {
      if (!(error instanceof KlatchError && error.code === "memory")) throw error;
      log.debug({ digest }, "no room to serve what others could have from others");
    }
  }

  /** Keeps bytes for this node itself. */
  keep(digest: Digest, bytes: Uint8Array): void {
    this.#heights.at(-1)?.set(digest, bytes);
  }

  /**
   * Pulls bytes from whoever of these peers has them: from the first, and from the next as well as soon as one has failed
   * or a while has gone by. Null when they came, or why they did not.
   */
  async fetch(
    wanted: Pick<BlockPayload, "payload" | "bytes">,
    holders: readonly PeerId[],
  ): Promise<Reason | null> {
    if (this.get(wanted.payload) !== null) return null;
    const { clock, config } = this.#parts;
    const over = new AbortController();
    const callOff = clock.after(config.timing.fetchMaxMs, () => over.abort());
    const signal = AbortSignal.any([this.#signal, over.signal]);
    try {
      return await firstSuccess(
        this.#inTurn(holders, (peer) => this.#attempt(wanted, peer, signal), signal),
      );
    } finally {
      callOff();
      over.abort();
    }
  }

  /** The next height begins: the oldest gives way. */
  advance(): void {
    this.#heights.push(new Map());
    if (this.#heights.length <= HEIGHTS_KEPT) return;
    for (const digest of this.#heights.shift()?.keys() ?? []) this.#parts.network.withdraw(digest);
  }

  // --- internal ---

  /** One attempt for each peer; each begins when that before has ended, or a while after it has begun. */
  #inTurn(
    peers: readonly PeerId[],
    attempt: (peer: PeerId) => Promise<Reason | null>,
    signal: AbortSignal,
  ): readonly Promise<Reason | null>[] {
    let turn: Promise<unknown> = Promise.resolve();
    return peers.map((peer) => {
      const begun = turn;
      const result = begun.then(() => attempt(peer));
      const patience = begun.then(() => pause(this.#parts.clock, PATIENCE_MS, signal));
      turn = Promise.race([result, patience]).catch(() => undefined);
      return result;
    });
  }

  /** Asks a peer, unless another has given the bytes; null when they are there. */
  async #attempt(
    { payload: digest, bytes }: Pick<BlockPayload, "payload" | "bytes">,
    peer: PeerId,
    signal: AbortSignal,
  ): Promise<Reason | null> {
    const { network, metrics } = this.#parts;
    if (this.get(digest) !== null) return null;
    if (signal.aborted) return "timeout";
    // an update of a lower rank has fewer bytes than the height's largest
    const outcome = await network.fetch(peer, { digest, bytes, isMost: true }, { signal });
    if (signal.aborted) return "timeout";
    metrics.fetches.inc({ outcome: outcome.ok ? "ok" : outcome.failure });
    if (!outcome.ok) return outcome.failure;
    this.serve(digest, outcome.bytes);
    return null;
  }
}

/** Null with the first attempt that gave the bytes; else why the first of all did not. */
async function firstSuccess(attempts: readonly Promise<Reason | null>[]): Promise<Reason | null> {
  const got = attempts.map(async (attempt) => {
    const reason = await attempt;
    if (reason !== null) throw new NotGiven(reason);
    return null;
  });
  try {
    return await Promise.any(got);
  } catch (error) {
    const [first] = (error as AggregateError).errors as readonly unknown[];
    if (first === undefined) return "unreachable";
    if (first instanceof NotGiven) return first.reason;
    throw first;
  }
}

/** A peer did not give what it was asked for. */
class NotGiven extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}
