import type { MessageStream } from "@libp2p/interface";
import { ByteQueue } from "./byte-queue.ts";
import { ConnectionCut } from "./connection-cut.ts";

export interface UnsentLimits {
  readonly maxUnsentBytes: number;
  readonly stallMs: number;
}

/**
 * Bounds what waits in an encrypted channel for a peer that does not read, and cuts the connection above that. libp2p
 * has no such bound below the muxer. `AbstractMessageStream` of @libp2p/utils 7.4.1 checks its write buffer when
 * `maxWriteBufferLength` is set, and neither Noise nor TCP sets it. Yamux sends its answers to pings, streams and data
 * whatever `send` returns. And at each `drain` a layer hands all that it holds to the one below. So the bytes are kept
 * here and handed down one Noise message at a time, and streams are told to go on when all of them are gone.
 *
 * To be called before the muxer listens for the channel's events.
 */
export function boundUnsent(channel: MessageStream, limits: UnsentLimits): void {
  if (limits.maxUnsentBytes === Number.POSITIVE_INFINITY) return;
  const waiting = new ByteQueue();
  const handDown = channel.send.bind(channel);
  let stall: NodeJS.Timeout | undefined;

  const end = (cut?: ConnectionCut): void => {
    clearTimeout(stall);
    waiting.clear();
    if (cut !== undefined) channel.abort(cut);
  };
  const watch = (): void => {
    clearTimeout(stall);
    const seconds = Math.round(limits.stallMs / 1000);
    const cut = new ConnectionCut("timeout", `read nothing for ${seconds} s of what it was sent`);
    stall = setTimeout(end, limits.stallMs, cut);
  };

  channel.send = (data) => {
    // a closed channel throws, as it always does
    if (channel.status !== "open") return handDown(data);
    if (waiting.byteLength === 0 && !channel.writableNeedsDrain) {
      const goOn = handDown(data);
      if (!goOn) watch();
      return goOn;
    }
    waiting.append(data);
    if (waiting.byteLength > limits.maxUnsentBytes) {
      end(new ConnectionCut("flood", `left ${waiting.byteLength} bytes unread`));
    }
    return false;
  };

  channel.addEventListener("drain", (event) => {
    try {
      while (!channel.writableNeedsDrain) {
        const block = waiting.take();
        if (block === null) break;
        handDown(block);
      }
    } catch {
      // handing down has aborted the channel, which tells everybody
      end();
      return;
    }
    clearTimeout(stall);
    if (waiting.byteLength === 0 && !channel.writableNeedsDrain) return;
    event.stopImmediatePropagation();
    watch();
  });
  channel.addEventListener("close", () => end());
}
