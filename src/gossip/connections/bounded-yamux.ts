import { yamux } from "@chainsafe/libp2p-yamux";
import type { MessageStream, Stream, StreamMuxer, StreamMuxerFactory } from "@libp2p/interface";
import { spareWindows } from "./sparing-windows.ts";
import { boundUnasked, type UnaskedLimits } from "./unasked-frames.ts";
import { boundUnsent, type UnsentLimits } from "./unsent-bytes.ts";

const MIB = 1024 * 1024;
/** Streams of one connection in either direction: gossip, identify, ping, exchanges and a few transfers. */
const MAX_STREAMS = 64;

/** Yamux that says little of its own, between bounds: on what waits for a peer that does not read, and on what comes unasked. */
export function boundedYamux(
  limits: UnsentLimits & UnaskedLimits,
  isAsked: (stream: Stream) => boolean,
): () => StreamMuxerFactory<StreamMuxer> {
  const make = yamux({
    maxInboundStreams: MAX_STREAMS,
    maxOutboundStreams: MAX_STREAMS,
    // streams that come before the connection is announced; at the default of ten it ends when a peer begins to fetch
    // much at once
    maxEarlyStreams: MAX_STREAMS,
    // the pulse of a connection is felt where a dead one can be ended
    enableKeepAlive: false,
    // the largest message is one chunk; the defaults are 4 MiB and no limit
    streamOptions: { maxReadBufferLength: MIB, maxWriteBufferLength: 2 * MIB },
  });
  return () => {
    const factory = make();
    const create = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (channel: MessageStream) => {
      boundUnsent(channel, limits);
      const muxer = create(channel);
      boundUnasked(channel, muxer, limits, isAsked);
      spareWindows(muxer);
      return muxer;
    };
    return factory;
  };
}
