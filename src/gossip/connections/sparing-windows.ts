import assert from "node:assert/strict";
import { StreamState } from "@chainsafe/libp2p-yamux/stream";
import type { StreamMuxer } from "@libp2p/interface";

/** The parts of @chainsafe/libp2p-yamux 8.0.1 that decide when a window is filled up; it has no option for it. */
interface Yamux {
  _newStream(...parts: readonly unknown[]): YamuxStream;
}

interface YamuxStream {
  readonly state: StreamState;
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

/**
 * Fills up the window of a stream when half of it is used, as other implementations of Yamux do, and not with each
 * frame of data: an answer of 30 bytes to every small message.
 */
export function spareWindows(muxer: StreamMuxer): void {
  const inside = muxer as unknown as Yamux;
  assert(typeof inside._newStream === "function", "yamux has no _newStream any more");
  const make = inside._newStream.bind(inside);
  inside._newStream = (...parts) => {
    const stream = make(...parts);
    const send = stream.sendWindowUpdate;
    assert(typeof send === "function" && stream.recvWindowCapacity > 0);
    stream.sendWindowUpdate = () => {
      // what opens a stream, or accepts one, is a window update too
      const isNew = [StreamState.Init, StreamState.SYNReceived].includes(stream.state);
      if (isNew || 2 * stream.recvWindowCapacity <= stream.recvWindow) send.call(stream);
    };
    return stream;
  };
}
