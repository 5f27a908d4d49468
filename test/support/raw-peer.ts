import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { type GossipSub, gossipsub, StrictNoSign } from "@libp2p/gossipsub";
import { type Identify, identify } from "@libp2p/identify";
import type { Libp2p } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { createLibp2p } from "libp2p";
import type { Identity } from "../../src/gossip/index.ts";

export type RawPeer = Libp2p<{ identify: Identify; pubsub: GossipSub }>;

const running: RawPeer[] = [];

/**
 * A libp2p node with none of our code around it, which says what the test wants; with a key of its own unless given.
 */
export async function startRawPeer(identity?: Identity): Promise<RawPeer> {
  const peer = await createLibp2p({
    ...(identity === undefined ? {} : { privateKey: identity.key }),
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // what is dropped stays dropped unless the test says otherwise
    connectionManager: { reconnectRetries: 0 },
    services: {
      identify: identify(),
      pubsub: gossipsub({
        allowPublishToZeroTopicPeers: true,
        floodPublish: true,
        globalSignaturePolicy: StrictNoSign,
      }),
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
