import type { Stream } from "@libp2p/interface";
import { type ByteStream, byteStream } from "@libp2p/utils";
import {
  type ChunkRequest,
  decodeRequest,
  encodeHeader,
  PAYLOAD_PROTOCOL,
  REQUEST_BYTES,
} from "../../../src/gossip/payloads/payload-protocol.ts";
import { type RawPeer, startRawPeer } from "../../support/raw-peer.ts";

/** What a misbehaving server does with a request; it may write, abort, or do nothing. */
export type Answer = (
  wire: ByteStream<Stream>,
  request: ChunkRequest,
  stream: Stream,
  /** Requests seen before, on all streams. */
  count: number,
) => Promise<void>;

/** A peer that speaks the payload protocol, or that of files, and answers requests as it likes. */
export async function startServer(
  answer: Answer,
  protocol = PAYLOAD_PROTOCOL,
): Promise<RawPeer & { requests: ChunkRequest[] }> {
  const peer = await startRawPeer();
  const requests: ChunkRequest[] = [];
  await peer.handle(protocol, async (stream) => {
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
