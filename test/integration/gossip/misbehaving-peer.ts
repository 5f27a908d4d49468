import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { type GossipSub, gossipsub } from "@libp2p/gossipsub";
import { type Identify, identify } from "@libp2p/identify";
import type { Libp2p, Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { type ByteStream, byteStream } from "@libp2p/utils";
import { createLibp2p } from "libp2p";
import {
  type ChunkRequest,
  decodeRequest,
  encodeHeader,
  PAYLOAD_PROTOCOL,
  REQUEST_BYTES,
} from "../../../src/gossip/payloads/payload-protocol.ts";

export type RawPeer = Libp2p<{ identify: Identify; pubsub: GossipSub }>;

const running: RawPeer[] = [];

/** A libp2p node with none of our code around it, which says what the test wants. */
export async function startRawPeer(): Promise<RawPeer> {
  const peer = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, floodPublish: true }),
    },
  });
  running.push(peer);
  return peer;
}

export async function stopRawPeers(): Promise<void> {
  await Promise.all(running.splice(0).map((peer) => peer.stop()));
}

export function addressOf(peer: RawPeer): string {
  return peer.getMultiaddrs()[0]?.toString() ?? "";
}

/** What a misbehaving server does with a request; it may write, abort, or do nothing. */
export type Answer = (
  wire: ByteStream<Stream>,
  request: ChunkRequest,
  stream: Stream,
  /** Requests seen before, on all streams. */
  count: number,
) => Promise<void>;

/** A peer that speaks the payload protocol, and answers requests as it likes. */
export async function startServer(answer: Answer): Promise<RawPeer & { requests: ChunkRequest[] }> {
  const peer = await startRawPeer();
  const requests: ChunkRequest[] = [];
  await peer.handle(PAYLOAD_PROTOCOL, async (stream) => {
    const wire = byteStream(stream);
    const end = new Promise((resolve) => stream.addEventListener("close", resolve));
    const serve = async () => {
      while (stream.status === "open") {
        const bytes = (await wire.read({ bytes: REQUEST_BYTES })).subarray();
        const request = decodeRequest(bytes);
        if (request === null) throw new Error("the node under test sent a malformed request");
        await answer(wire, request, stream, requests.length);
        requests.push(request);
      }
    };
    // the node under test ends the stream whenever it likes; that is no error of this peer
    await Promise.race([serve().catch(() => undefined), end]);
  });
  return Object.assign(peer, { requests });
}

/** Answers a request as an honest peer would. */
export async function serveHonestly(
  wire: ByteStream<Stream>,
  payload: Uint8Array,
  { offset, length }: ChunkRequest,
): Promise<void> {
  const chunk = payload.subarray(offset, offset + length);
  await wire.write(encodeHeader({ status: "data", length: chunk.byteLength }));
  await wire.write(chunk);
}
