import type { Stream } from "@libp2p/interface";
import { type ByteStream, byteStream } from "@libp2p/utils";
import { drained } from "../connections/drained.ts";

/** A reader that takes longer than this for one chunk is cut off. */
const SEND_TIMEOUT_MS = 60_000;
/** Requests that come before the last is answered: a few hundred. The stream is given up above this (default 4 MiB). */
const MAX_UNREAD_BYTES = 16 * 1024;

/** The server's end of a payload stream: fixed-size reads, and writes that wait for a slow reader. */
export class Wire {
  readonly #stream: Stream;
  readonly #bytes: ByteStream<Stream>;
  readonly #gone: AbortSignal;

  constructor(stream: Stream, gone: AbortSignal) {
    this.#stream = stream;
    this.#bytes = byteStream(stream, { maxBufferSize: MAX_UNREAD_BYTES });
    this.#gone = gone;
  }

  /** Reads exactly so many bytes. */
  async receive(length: number, signal: AbortSignal): Promise<Uint8Array> {
    return (await this.#bytes.read({ bytes: length, signal })).subarray();
  }

  /**
   * Sends bytes and waits until all of them have left the stream's buffer. So the buffer never holds more than one
   * chunk, and a reader that asks for much and reads little cannot fill our memory.
   */
  async send(bytes: Uint8Array): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(SEND_TIMEOUT_MS), this.#gone]);
    await this.#bytes.write(bytes, { signal });
    await drained(this.#stream, signal);
  }
}
