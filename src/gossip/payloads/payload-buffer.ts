import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Digest } from "../../types.ts";

const FIRST_ALLOCATION = 1024 * 1024;

/**
 * A payload while it arrives: grows by doubling with what has come, never above the announced size, and is hashed on
 * the way. So a peer that announces much and sends little costs little.
 */
export class PayloadBuffer {
  #size: number;
  #bytes: Uint8Array;
  #received = 0;
  readonly #hash = createHash("sha256");

  constructor(size: number) {
    this.#size = size;
    this.#bytes = new Uint8Array(Math.min(size, FIRST_ALLOCATION));
  }

  get size(): number {
    return this.#size;
  }

  get received(): number {
    return this.#received;
  }

  get allocated(): number {
    return this.#bytes.byteLength;
  }

  get complete(): boolean {
    return this.#received === this.#size;
  }

  /** No more comes: what came is all of it. */
  end(): void {
    this.#size = this.#received;
  }

  /** Appends bytes; the caller has checked that they fit. */
  append(part: Uint8Array): void {
    const end = this.#received + part.byteLength;
    assert(end <= this.#size);
    if (end > this.#bytes.byteLength) {
      const larger = new Uint8Array(
        Math.min(this.#size, Math.max(end, 2 * this.#bytes.byteLength)),
      );
      larger.set(this.#bytes.subarray(0, this.#received));
      this.#bytes = larger;
    }
    this.#bytes.set(part, this.#received);
    this.#hash.update(part);
    this.#received = end;
  }

  /** Ends the hash; the bytes when it is the digest, else null. To be called once, when complete. */
  finish(digest: Digest): Uint8Array | null {
    assert(this.complete);
    if (this.#hash.digest("hex") !== digest) return null;
    return this.allocated > this.#size ? this.#bytes.slice(0, this.#size) : this.#bytes;
  }
}
