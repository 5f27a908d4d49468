import type { Stream } from "@libp2p/interface";
import { type LengthPrefixedStream, lpStream } from "@libp2p/utils";
import { reasonOf } from "../log.ts";

/** Both sides of a stream in messages with their lengths before them. */
export type Wire = LengthPrefixedStream<Stream>;

/**
 * Talks over a stream in messages of so many bytes at most, and closes it. Where that fails the stream is aborted.
 *
 * @throws what `talk` throws, and what the stream does
 */
export async function converse(
  stream: Stream,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
  talk: (wire: Wire) => Promise<void>,
): Promise<void> {
  try {
    await talk(lpStream(stream, { maxDataLength: maxBytes }));
    await stream.close({ signal });
  } catch (error) {
    stream.abort(new Error(reasonOf(error)));
    throw error;
  }
}
