import { once } from "node:events";
import type { Stream } from "@libp2p/interface";

/**
 * Resolves when all that was written has left the stream's buffer. `stream.onDrain()` of @libp2p/utils 7 does not do:
 * it returns at once after its first use, and even a true `drain` event comes when only some of the buffer is gone.
 */
export async function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  while (stream.writeBufferLength > 0) await once(stream, "idle", { signal });
}
