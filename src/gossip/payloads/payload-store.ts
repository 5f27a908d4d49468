import { KlatchError } from "../../errors.ts";
import type { Digest, PeerId } from "../../types.ts";

interface Held {
  readonly bytes: Uint8Array;
  openTo: ReadonlySet<PeerId> | "nobody" | "everybody";
}

/** The payloads that this node holds for others: bytes by digest, closed until their commit deadline has passed. */
export class PayloadStore {
  readonly #held = new Map<Digest, Held>();
  readonly #waiting = new Map<Digest, Set<() => void>>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Holds bytes, closed. Holding the same digest again changes nothing.
   *
   * @throws KlatchError `memory` when more would be held than configured.
   */
  hold(payload: Digest, bytes: Uint8Array): void {
    if (this.#held.has(payload)) return;
    if (this.#bytes + bytes.byteLength > this.#maxBytes) {
      throw new KlatchError(
        "memory",
        `Holding a payload of ${bytes.byteLength} bytes would exceed the limit of ${this.#maxBytes} bytes.`,
        "Raise network.maxHeldBytes, or keep fewer payloads.",
      );
    }
    this.#held.set(payload, { bytes, openTo: "nobody" });
    this.#bytes += bytes.byteLength;
    this.#changed(payload);
  }

  /** Opens a payload to these peers, or to everybody; what is open to everybody stays so. */
  open(payload: Digest, to?: readonly PeerId[]): void {
    const held = this.#held.get(payload);
    if (held === undefined || held.openTo === "everybody") return;
    held.openTo = to === undefined ? "everybody" : new Set(to);
    this.#changed(payload);
  }

  withdraw(payload: Digest): void {
    const held = this.#held.get(payload);
    if (held === undefined) return;
    this.#held.delete(payload);
    this.#bytes -= held.bytes.byteLength;
    this.#changed(payload);
  }

  /** What may be served to a peer now: the bytes, or whether it is worth waiting. */
  look(payload: Digest, peer: PeerId): Uint8Array | "closed" | "unknown" {
    const held = this.#held.get(payload);
    if (held === undefined) return "unknown";
    const { openTo, bytes } = held;
    const isOpen = openTo === "everybody" || (openTo !== "nobody" && openTo.has(peer));
    return isOpen ? bytes : "closed";
  }

  /** Resolves when something about the payload changed, or after `waitMs`, or when the signal aborts. */
  async change(payload: Digest, waitMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const waiting = this.#waiting.get(payload) ?? new Set();
    this.#waiting.set(payload, waiting.add(wake));
    const timer = setTimeout(wake, waitMs);
    signal.addEventListener("abort", wake, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
    waiting.delete(wake);
    if (waiting.size === 0 && this.#waiting.get(payload) === waiting) this.#waiting.delete(payload);
  }

  #changed(payload: Digest): void {
    for (const wake of this.#waiting.get(payload) ?? []) wake();
  }
}
