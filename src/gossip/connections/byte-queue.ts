/** Bytes of one block: as many as one Noise message carries. */
export const BLOCK_BYTES = 65_519;

/** Bytes as libp2p hands them on: one piece, or a list of pieces. */
export type Pieces = Uint8Array | (Iterable<Uint8Array> & { readonly byteLength: number });

/**
 * Bytes that wait, copied into large blocks. A million frames of twelve bytes weigh twelve megabytes here; as the
 * million objects that libp2p would keep they weigh hundreds.
 */
export class ByteQueue {
  readonly #blocks: Uint8Array[] = [];
  /** Bytes used of the last block. */
  #filled = BLOCK_BYTES;
  #bytes = 0;

  get byteLength(): number {
    return this.#bytes;
  }

  append(data: Pieces): void {
    for (const piece of data instanceof Uint8Array ? [data] : data) this.#copy(piece);
    this.#bytes += data.byteLength;
  }

  /** The oldest block; null when nothing waits. */
  take(): Uint8Array | null {
    const block = this.#blocks.shift();
    if (block === undefined) return null;
    const isLast = this.#blocks.length === 0;
    const bytes = isLast ? block.subarray(0, this.#filled) : block;
    if (isLast) this.#filled = BLOCK_BYTES;
    this.#bytes -= bytes.byteLength;
    return bytes;
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#filled = BLOCK_BYTES;
    this.#bytes = 0;
  }

  #copy(piece: Uint8Array): void {
    for (let from = 0; from < piece.byteLength; ) {
      if (this.#filled === BLOCK_BYTES) {
        this.#blocks.push(new Uint8Array(BLOCK_BYTES));
        this.#filled = 0;
      }
      const part = piece.subarray(from, from + BLOCK_BYTES - this.#filled);
      this.#blocks.at(-1)?.set(part, this.#filled);
      this.#filled += part.byteLength;
      from += part.byteLength;
    }
  }
}
