import type { BlockPayload } from "../../../consensus/index.ts";
import { KlatchError } from "../../../errors.ts";
import type { Digest, PeerId, Reason } from "../../../types.ts";
import type { PeerParts } from "../peer-parts.ts";

/** Heights whose payloads are kept for those that are slower. */
const HEIGHTS_KEPT = 2;

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

  /** Pulls bytes from one of these peers, in turn; null when they came, or why they did not. */
  async fetch(
    { payload: digest, bytes }: Pick<BlockPayload, "payload" | "bytes">,
    holders: readonly PeerId[],
  ): Promise<Reason | null> {
    if (this.get(digest) !== null) return null;
    const { network, metrics } = this.#parts;
    const [signal, settled] = this.#deadline();
    let reason: Reason = "unreachable";
    try {
      for (const peer of holders) {
        const outcome = await network.fetch(peer, { digest, bytes }, { signal });
        metrics.fetches.inc({ outcome: outcome.ok ? "ok" : outcome.failure });
        if (outcome.ok) {
          this.serve(digest, outcome.bytes);
          return null;
        }
        reason = outcome.failure;
        if (signal.aborted) break;
      }
    } finally {
      settled();
    }
    return reason;
  }

  /** The next height begins: the oldest gives way. */
  advance(): void {
    this.#heights.push(new Map());
    if (this.#heights.length <= HEIGHTS_KEPT) return;
    for (const digest of this.#heights.shift()?.keys() ?? []) this.#parts.network.withdraw(digest);
  }

  // --- internal ---

  /** Ends with the node, or when the longest wait is over. */
  #deadline(): readonly [AbortSignal, () => void] {
    const { clock, config } = this.#parts;
    const expired = new AbortController();
    const callOff = clock.after(config.timing.fetchMaxMs, () => expired.abort());
    return [AbortSignal.any([this.#signal, expired.signal]), callOff];
  }
}
