import { noise } from "@chainsafe/libp2p-noise";
import { type GossipSub, gossipsub } from "@libp2p/gossipsub";
import { type Identify, identify } from "@libp2p/identify";
import type { Libp2p, Metrics, Stream } from "@libp2p/interface";
import { type Ping, ping } from "@libp2p/ping";
import { preSharedKey } from "@libp2p/pnet";
import { createLibp2p } from "libp2p";
import { KlatchError } from "../../errors.ts";
import { AGREEMENT_EXCHANGE } from "../agreement/agreement-exchange.ts";
import { CHAIN_PROTOCOL } from "../agreement/chain.ts";
import type { NetworkConfig } from "../config.ts";
import type { Identity } from "../keys/identity.ts";
import { reasonOf } from "../log.ts";
import { FILE_PROTOCOL, PAYLOAD_PROTOCOL } from "../payloads/payload-protocol.ts";
import { gossipOptions } from "../topics/gossip-options.ts";
import { boundedYamux } from "./bounded-yamux.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { tcpWithDoorstep } from "./doorstep.ts";
import type { Gatekeeper } from "./gatekeeper.ts";

export type KlatchNode = Libp2p<{ identify: Identify; ping: Ping; pubsub: GossipSub }>;

const FETCHED: ReadonlySet<string> = new Set([
  PAYLOAD_PROTOCOL,
  FILE_PROTOCOL,
  CHAIN_PROTOCOL,
  AGREEMENT_EXCHANGE,
]);

export interface NodeParts {
  readonly identity: Identity;
  readonly config: NetworkConfig;
  readonly gatekeeper: Gatekeeper;
  readonly metrics: Metrics;
  readonly networkKey: Uint8Array | null;
  readonly limits: ConnectionLimits;
}

/** The libp2p node: TCP, Noise, Yamux, identify, ping and gossipsub; not started yet. */
export function composeNode(parts: NodeParts): Promise<KlatchNode> {
  const { config, networkKey, gatekeeper, limits } = parts;
  const { atOnce } = limits;
  return createLibp2p({
    start: false,
    privateKey: parts.identity.key,
    addresses: { listen: config.listen, announce: config.announce },
    transports: [
      tcpWithDoorstep({
        backlog: 16 * atOnce,
        size: limits.doorstep,
        hasNetworkKey: networkKey !== null,
        isOpenTo: (host) => gatekeeper.isOpenTo(host),
        onTurnedAway: (host, why) => gatekeeper.turnedAway(host, why),
      }),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux(limits, isFetched)],
    ...(networkKey === null ? {} : { connectionProtector: preSharedKey({ psk: networkKey }) }),
    connectionGater: gatekeeper.gater(),
    connectionManager: {
      // two peers that dial each other at once have two connections for a while
      maxConnections: 2 * config.maxPeers,
      // the defaults (5 a second from one host, 10 pending) refuse most of a consortium that starts together, and of
      // too many they refuse whoever comes last: the gatekeeper's bounds are narrower than these, and choose better
      inboundConnectionThreshold: 4 * atOnce,
      maxIncomingPendingConnections: 4 * atOnce,
      // the dialler shares out the time
      dialTimeout: config.dialTimeoutMs,
      addressDialTimeout: config.dialTimeoutMs,
      // this room redials by itself, with jitter and without giving up
      reconnectRetries: 0,
    },
    // this room feels the pulse by itself, with fewer bytes
    connectionMonitor: { enabled: false },
    metrics: () => parts.metrics,
    services: { identify: identify(), ping: ping(), pubsub: gossipsub(gossipOptions()) },
  });
}

/** What this node asked for, a chunk or a page at a time. */
function isFetched({ direction, protocol }: Stream): boolean {
  return direction === "outbound" && FETCHED.has(protocol);
}

/**
 * Starts the node.
 *
 * @throws KlatchError `network` when it cannot listen, naming the address and, where known, the reason.
 */
export async function startNode(node: KlatchNode, listen: readonly string[]): Promise<void> {
  try {
    await node.start();
  } catch (cause) {
    await node.stop();
    const reason = reasonOf(cause);
    const inUse = /EADDRINUSE/.test(reason);
    const ports = listen.map((address) => /\/tcp\/(\d+)/.exec(address)?.[1]).filter(Boolean);
    throw new KlatchError(
      "network",
      inUse
        ? `Port ${ports.join(" or ")} is in use by another program.`
        : `Cannot listen on ${listen.join(", ")}: ${reason.split("\n").join(" ")}`,
      inUse
        ? "Stop the other program, or set network.listen to another port (port 0 takes a free one)."
        : "Check network.listen: the addresses must be this machine's own.",
      { cause },
    );
  }
}
