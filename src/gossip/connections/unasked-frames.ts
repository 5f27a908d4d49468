import assert from "node:assert/strict";
import type { MessageStream, Stream, StreamMuxer } from "@libp2p/interface";
import { Allowance, type AllowanceSize } from "./allowance.ts";
import { ConnectionCut } from "./connection-cut.ts";

export interface UnaskedLimits {
  readonly frames: AllowanceSize;
  readonly unaskedBytes: AllowanceSize;
  readonly maxProposals: number;
  readonly maxFrameBytes: number;
}

/** What answering costs, in frames: a ping is answered by a message of its own, a stream begins a negotiation. */
const PRICE = { frame: 1, ping: 32, stream: 16 };
/** Frames that each frame of data from this node allows: an update of the window, and the next request. */
const EARNED_BY_DATA = 8;
/** Bytes that were asked for allow a frame each time they are so many. */
const BYTES_PER_FRAME = 1024;

const DATA = 0;
const PING = 2;
const SYN = 1;

interface Header {
  readonly type: number;
  readonly flag: number;
  readonly streamID: number;
  readonly length: number;
}

/** The methods of @chainsafe/libp2p-yamux 8.0.1 that everything passes through; it has no option for any of this. */
interface Yamux {
  readonly streams: readonly (Stream & { readonly streamId: number })[];
  readonly decoder: { readonly buffer: { readonly byteLength: number } };
  onData(data: unknown): void;
  handleFrame(frame: { readonly header: Header }): void;
  sendFrame(header: Header, data?: unknown): boolean;
  onRemoteStream(stream: Stream): void;
}

/** The method of a Noise channel that every decrypted message passes through, empty ones too. */
interface Channel {
  onData(data: unknown): void;
}

/**
 * Bounds what a peer sends unasked over one connection, and cuts the connection above that. @chainsafe/libp2p-yamux
 * 8.0.1 answers every ping and every frame of data, keeps as much of a frame as its header says (up to 4 GiB), and hands
 * whatever comes to readers that keep it: libp2p streams have no back-pressure for readers.
 *
 * @param isAsked whether what comes on a stream was asked for, and is bounded by whoever did
 */
export function boundUnasked(
  channel: MessageStream,
  muxer: StreamMuxer,
  limits: UnaskedLimits,
  isAsked: (stream: Stream) => boolean,
): void {
  const inside = muxer as unknown as Yamux;
  const below = channel as unknown as Channel;
  for (const method of ["onData", "handleFrame", "sendFrame", "onRemoteStream"] as const) {
    assert(typeof inside[method] === "function", `yamux has no ${method} any more`);
  }
  assert(typeof below.onData === "function" && inside.decoder.buffer.byteLength === 0);
  const frames = new Allowance(limits.frames, performance.now());
  const bytes = new Allowance(limits.unaskedBytes, performance.now());
  const pay = (price: number): void => {
    if (!frames.take(price, performance.now())) throw flood("sent too many frames");
  };

  const onMessage = below.onData.bind(below);
  below.onData = (data) => {
    pay(PRICE.frame);
    onMessage(data);
  };
  const onData = inside.onData.bind(inside);
  inside.onData = (data) => {
    onData(data);
    const { byteLength } = inside.decoder.buffer;
    if (byteLength > limits.maxFrameBytes) throw flood(`sent a frame of over ${byteLength} bytes`);
  };
  const handleFrame = inside.handleFrame.bind(inside);
  inside.handleFrame = (frame) => {
    const { type, streamID, length } = frame.header;
    pay(priceOf(frame.header));
    if (type === DATA) {
      const stream = inside.streams.find(({ streamId }) => streamId === streamID);
      if (stream !== undefined && isAsked(stream)) frames.give(length / BYTES_PER_FRAME);
      else if (!bytes.take(length, performance.now())) throw flood("sent too many bytes");
    }
    handleFrame(frame);
  };
  const sendFrame = inside.sendFrame.bind(inside);
  inside.sendFrame = (header, data) => {
    if (header.type === DATA) frames.give(EARNED_BY_DATA);
    return sendFrame(header, data);
  };
  const onRemoteStream = inside.onRemoteStream.bind(inside);
  inside.onRemoteStream = (stream) => {
    boundProposals(stream, limits.maxProposals, (cut) => channel.abort(cut));
    onRemoteStream(stream);
  };
}

// --- internal ---

function priceOf({ type, flag }: Header): number {
  if (type === PING && flag === SYN) return PRICE.ping;
  return (flag & SYN) === SYN ? PRICE.stream : PRICE.frame;
}

/**
 * Cuts a peer that proposes protocols without end: `handle` of @libp2p/multistream-select 7 answers `na` as often as
 * it is asked, without a turn of the event loop in between. Each answer is one `send` of a stream without a protocol.
 */
function boundProposals(stream: Stream, most: number, cut: (error: ConnectionCut) => void): void {
  const send = stream.send.bind(stream);
  let answers = 0;
  stream.send = (data) => {
    if (stream.protocol === "") answers += 1;
    else stream.send = send;
    if (answers <= most) return send(data);
    const error = flood("proposed too many protocols");
    cut(error);
    throw error;
  };
}

function flood(sentence: string): ConnectionCut {
  return new ConnectionCut("flood", sentence);
}
