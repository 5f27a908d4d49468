import type { NetworkConfig } from "../config.ts";
import type { AllowanceSize } from "./allowance.ts";
import type { HandshakeLimits } from "./handshakes.ts";
import type { BucketSize } from "./token-bucket.ts";
import type { RoomSize } from "./waiting-room.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** What others may make this node's connections cost. `Infinity` leaves a matter to libp2p. */
export interface ConnectionLimits {
  /** Connections that may come at the same moment. */
  readonly atOnce: number;
  readonly connectionsPerPeer: number;
  /** How often a peer may connect. */
  readonly comings: BucketSize;
  /** Bytes that wait for a peer that does not read. */
  readonly maxUnsentBytes: number;
  /** How long none of them may leave. */
  readonly stallMs: number;
  /** Frames that nothing of ours asked for, weighed by what answering them costs. */
  readonly frames: AllowanceSize;
  /** Bytes on all streams but those of payloads that this node fetches. */
  readonly unaskedBytes: AllowanceSize;
  /** Answers to names of protocols on one stream. */
  readonly maxProposals: number;
  /** A frame of which only a part has come. */
  readonly maxFrameBytes: number;
  /** How long a peer keeps its only transfer while others that have none come. */
  readonly transferTurnMs: number;
  /** Incoming connections that have said nothing yet. */
  readonly doorstep: RoomSize;
  /** Those that have not yet said who they are. */
  readonly handshakes: HandshakeLimits;
}

/** Limits that no honest member of a run comes near, and with which no other takes a hundred megabytes. */
export function connectionLimits(config: NetworkConfig, rosterSize: number): ConnectionLimits {
  // all duplicates of a simultaneous start, from one address, must fit
  const atOnce = Math.max(256, 4 * Math.max(rosterSize, config.maxPeers));
  // a handshake over a slow network is a matter of a second; a drip is none
  const room = { maxPerHost: atOnce, maxGuests: 2 * atOnce, silenceMs: 2000, stayMs: 5000 };
  return {
    atOnce,
    // of two peers that dial each other at once, both connections stay
    connectionsPerPeer: 2,
    // an honest one doubles its pauses
    comings: { burst: 64, refillMs: 1000 },
    // a chunk of every transfer to the peer, gossip and an exchange: 8 MiB with the default configuration
    maxUnsentBytes: 4 * MIB + config.maxServesPerPeer * config.chunkBytes,
    // as long as the slowest ping that is waited for
    stallMs: 60_000,
    frames: { burst: 8192, perSecond: 2048 },
    unaskedBytes: { burst: 8 * MIB, perSecond: MIB },
    maxProposals: 32,
    // the largest honest frame is one chunk
    maxFrameBytes: 2 * MIB,
    // five megabytes over a slow line
    transferTurnMs: 5000,
    // a dialler speaks as soon as it is connected: the less room, the sooner those go that never do
    doorstep: { ...room, maxPerHost: atOnce / 4, stayMs: 2000 },
    // a handshake is 400 bytes; the first streams may begin before it is judged
    handshakes: { room, maxBytes: 16 * KIB, rates: handshakeRates(atOnce) },
  };
}

// --- internal ---

/**
 * A handshake takes two milliseconds: a host of strangers may use 3 % of a core, and one with members 25 %, where
 * those that come back compete with whoever shares their address.
 */
function handshakeRates(atOnce: number): HandshakeLimits["rates"] {
  return {
    strangers: { burst: atOnce, refillMs: 1000 / 16 },
    homes: { burst: atOnce, refillMs: 1000 / 128 },
  };
}
