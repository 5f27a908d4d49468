import type { PeerId } from "../../types.ts";
import type { ConnectedPeer } from "../contract.ts";
import type { GossipTopic } from "../topics/gossip-topic.ts";
import type { KlatchNode } from "./libp2p-node.ts";
import type { TrafficMeter } from "./traffic-meter.ts";

interface Connected {
  readonly node: KlatchNode;
  readonly topic: GossipTopic;
  readonly meter: TrafficMeter;
}

/** Everybody this node is connected with, each once, in order of peer id. */
export function connectedPeers({ node, topic, meter }: Connected): readonly ConnectedPeer[] {
  const mesh = topic.meshPeers();
  const byPeer = new Map<PeerId, ConnectedPeer>();
  for (const connection of node.getConnections()) {
    const peer = connection.remotePeer.toString();
    const known = byPeer.get(peer);
    const roundTripMs = connection.rtt ?? known?.roundTripMs ?? null;
    byPeer.set(peer, {
      peer,
      address: known?.address ?? connection.remoteAddr.toString(),
      direction: known?.direction ?? connection.direction,
      connectedAt: Math.min(known?.connectedAt ?? Infinity, connection.timeline.open),
      inMesh: mesh.has(peer),
      gossipScore: topic.score(peer),
      roundTripMs,
      traffic: meter.of(peer),
    });
  }
  return [...byPeer.values()].sort((a, b) => (a.peer < b.peer ? -1 : 1));
}
