import { once } from "node:events";
import { yamux } from "@chainsafe/libp2p-yamux";
import type { Stream, StreamMuxer } from "@libp2p/interface";
import { multiaddrConnectionPair } from "@libp2p/utils";
import { describe, expect, it } from "vitest";
import { spareWindows } from "../../../../src/gossip/connections/sparing-windows.ts";

const WINDOW = 256 * 1024;
const [DATA, WINDOW_UPDATE] = [0, 1];

interface Yamux extends StreamMuxer {
  sendFrame(header: { readonly type: number }, data?: unknown): boolean;
}

/** A stream between two, and how many frames of each type the receiving one has sent. */
async function joined(isSparing: boolean) {
  const [outbound, inbound] = multiaddrConnectionPair();
  const [sender, receiver] = [outbound, inbound].map((channel) => {
    const muxer = yamux()().createStreamMuxer(channel);
    if (isSparing) spareWindows(muxer);
    return muxer as unknown as Yamux;
  }) as [Yamux, Yamux];
  const sent = [0, 0, 0, 0];
  const sendFrame = receiver.sendFrame.bind(receiver);
  receiver.sendFrame = (header, data) => {
    sent[header.type] = (sent[header.type] ?? 0) + 1;
    return sendFrame(header, data);
  };
  const accepted = new Promise<Stream>((resolve) => {
    receiver.addEventListener("stream", ({ detail }) => resolve(detail));
  });
  const stream = await sender.createStream();
  const received = await accepted;
  let bytes = 0;
  received.addEventListener("message", ({ data }) => {
    bytes += data.byteLength;
  });
  const until = async (total: number) => {
    while (bytes < total) await once(received, "message");
  };
  return { stream, sent, until };
}

async function write(stream: Stream, bytes: Uint8Array): Promise<void> {
  if (!stream.send(bytes)) await once(stream, "drain");
}

describe("windows of streams", () => {
  it.each([
    ["are not filled up for small messages", true, 1],
    ["are with each of them otherwise (control)", false, 20],
  ])("%s", async (_, isSparing, least) => {
    const { stream, sent, until } = await joined(isSparing);
    for (let count = 1; count <= 20; count += 1) {
      await write(stream, new Uint8Array(200));
      await until(200 * count);
    }
    // the first one accepts the stream
    if (isSparing) expect(sent[WINDOW_UPDATE]).toBe(least);
    else expect(sent[WINDOW_UPDATE]).toBeGreaterThanOrEqual(least);
    expect(sent[DATA]).toBe(0);
  });

  it("are filled up in time for ten of them and a bit, in pieces of any size", async () => {
    const { stream, sent, until } = await joined(true);
    const total = 10 * WINDOW + 7;
    for (let left = total, size = 1; left > 0; left -= size, size = Math.min(left, 3 * size + 1)) {
      await write(stream, new Uint8Array(size));
    }
    await until(total);
    expect(sent[WINDOW_UPDATE]).toBeGreaterThan(1);
    expect(sent[WINDOW_UPDATE]).toBeLessThan(2 * 10 + 2);
  });
});
