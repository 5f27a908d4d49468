import type { Digest, PeerId } from "../../src/types.ts";

interface Held {
  readonly bytes: Uint8Array;
  openTo: readonly PeerId[] | "everybody";
}

/** The payloads that a simulated process holds for others. */
export class MemoryPayloads {
  readonly #held = new Map<Digest, Held>();

  hold(payload: Digest, bytes: Uint8Array): void {
    if (!this.#held.has(payload)) this.#held.set(payload, { bytes, openTo: [] });
  }

  open(payload: Digest, to: Held["openTo"] = "everybody"): void {
    const held = this.#held.get(payload);
    if (held !== undefined && held.openTo !== "everybody") held.openTo = to;
  }

  withdraw(payload: Digest): void {
    this.#held.delete(payload);
  }

  /** The bytes of a payload that is open to a peer; null when it is not. */
  served(payload: Digest, to: PeerId): Uint8Array | null {
    const { openTo = [], bytes = null } = this.#held.get(payload) ?? {};
    return openTo === "everybody" || openTo.includes(to) ? bytes : null;
  }
}
