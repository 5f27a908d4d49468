import type { Connection, Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { EXCHANGE_PROTOCOL } from "../../src/gossip/announcements/announcement-exchange.ts";
import {
  decodeInventory,
  encodeInventory,
  MAX_EXCHANGE_BYTES,
} from "../../src/gossip/announcements/exchange-message.ts";
import { decodeCanonical, encodeCanonical } from "../../src/gossip/canonical-cbor.ts";
import { freshSalt } from "../../src/gossip/connections/inventory.ts";
import type { Identity } from "../../src/gossip/index.ts";
import { peerIdOf, publicKeyOf } from "../../src/gossip/keys/identity.ts";
import { ANNOUNCEMENTS } from "../../src/gossip/topics/gossip-options.ts";
import type { PeerId } from "../../src/types.ts";
import { identifyAs } from "./raw-identify.ts";
import { type RawPeer, startRawPeer } from "./raw-peer.ts";

/** Where somebody says a peer is: as texts, since they may be anything. */
export interface Claim {
  readonly peer: PeerId;
  readonly addresses: readonly string[];
}

/** What one node said of peers, itself included. */
export interface Told {
  readonly by: PeerId;
  readonly claims: readonly Claim[];
}

export interface AdversaryChoices {
  /** A member's key: the door lets it in. */
  readonly identity: Identity;
  /** What it says of peers in exchanges, whoever begins them. */
  readonly claims?: readonly Claim[];
  /** Bytes of the multiaddrs that it names as its own in libp2p's identify; the true ones unless given. */
  readonly identifyAs?: readonly Uint8Array[];
}

/** A member without our code: speaks the exchange protocol, and says what it likes. */
export interface Adversary {
  readonly node: RawPeer;
  readonly peerId: PeerId;
  /** Everything that it was told, by whom. */
  readonly heard: readonly Told[];
  connect(address: string): Promise<Connection>;
  /** One exchange with a connected node; resolves with its answer, and so after it has taken what was claimed. */
  exchange(connection: Connection, claims?: readonly Claim[]): Promise<Told>;
}

/** Starts an adversary that listens on a free port of 127.0.0.1; `stopRawPeers` ends it. */
export async function startAdversary(choices: AdversaryChoices): Promise<Adversary> {
  const { identity, claims = [] } = choices;
  const node = await startRawPeer(identity);
  const heard: Told[] = [];
  const hear = (bytes: Uint8Array, by: PeerId): Told => {
    const told = { by, claims: decodeClaims(bytes) };
    heard.push(told);
    return told;
  };
  await node.handle(EXCHANGE_PROTOCOL, async (stream, connection) => {
    const wire = wireOf(stream);
    const inventory = decodeInventory((await wire.read()).subarray());
    await wire.write(encodeInventory(inventory?.salt ?? freshSalt(), new Map()));
    hear((await wire.read()).subarray(), connection.remotePeer.toString());
    await wire.write(encodeClaims(claims));
    await stream.close();
  });
  if (choices.identifyAs !== undefined) await identifyAs(node, identity, choices.identifyAs);
  node.services.pubsub.subscribe(ANNOUNCEMENTS.name);
  return {
    node,
    peerId: identity.peerId,
    heard,
    connect: (address) => node.dial(multiaddr(address)),
    exchange: async (connection, said = claims) => {
      const stream = await connection.newStream(EXCHANGE_PROTOCOL);
      const wire = wireOf(stream);
      await wire.write(encodeInventory(freshSalt(), new Map()));
      await wire.read();
      await wire.write(encodeClaims(said));
      const told = hear((await wire.read()).subarray(), connection.remotePeer.toString());
      await stream.close();
      return told;
    },
  };
}

// --- internal ---

const wireOf = (stream: Stream) => lpStream(stream, { maxDataLength: MAX_EXCHANGE_BYTES });

function encodeClaims(claims: readonly Claim[]): Uint8Array {
  return encodeCanonical([
    1,
    [],
    claims.map(({ peer, addresses }) => [publicKeyOf(peer).raw, addresses]),
  ]);
}

function decodeClaims(bytes: Uint8Array): readonly Claim[] {
  const [, , entries] = decodeCanonical(bytes) as [number, unknown, [Uint8Array, string[]][]];
  return entries.map(([key, addresses]) => ({ peer: peerIdOf(key), addresses }));
}
