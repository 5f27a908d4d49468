import type { Connection, ConnectionGater, Libp2p, MultiaddrConnection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { PING_PROTOCOL } from "@libp2p/ping";
import type { PeerId, Reason, Timestamp } from "../../types.ts";
import type { Log } from "../log.ts";
import { parseAddress, textOf } from "./address.ts";
import { rangeOf } from "./address-range.ts";
import { ConnectionCut } from "./connection-cut.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { Handshakes } from "./handshakes.ts";
import { MemberLinks } from "./member-links.ts";
import type { Membership } from "./membership.ts";
import { TokenBuckets } from "./token-bucket.ts";

/** Who knocks in vain is reported once in this time, however often it knocks. */
const KNOCKS = { burst: 1, refillMs: 60_000 };
/** A connection that is alive answers within this. */
const ANSWER_MS = 1000;

export interface GatekeeperOptions {
  readonly membership: Membership;
  readonly limits: ConnectionLimits;
  readonly log: Log;
  readonly now: () => Timestamp;
  /** A peer that has shown its key, and is not let in. */
  readonly onRefused: (peer: PeerId, reason: Reason) => void;
}

/**
 * Who gets in, and with how many connections. The encryption handshake tells for certain who the other side is, so
 * strangers are refused after it. Our own dials to strangers are not even tried.
 */
export class Gatekeeper {
  readonly #options: GatekeeperOptions;
  readonly #handshakes: Handshakes;
  readonly #links: MemberLinks;
  readonly #knocks = new TokenBuckets(KNOCKS);
  readonly #comings: TokenBuckets;
  #node: Libp2p | null = null;
  #isClosed = false;

  constructor(options: GatekeeperOptions) {
    this.#options = options;
    const { limits, now } = options;
    const onTurnedAway = (host: string, why: string) => this.turnedAway(host, why);
    this.#handshakes = new Handshakes({ limits: limits.handshakes, now, onTurnedAway });
    this.#comings = new TokenBuckets(limits.comings);
    const probe = (peer: PeerId) => this.#probe(peer);
    this.#links = new MemberLinks({ most: limits.connectionsPerPeer, probe });
  }

  /** libp2p's hooks for refusing connections. */
  gater(): ConnectionGater {
    const { membership } = this.#options;
    return {
      denyDialPeer: (peer) => !membership.admits(peer.toString()),
      // the last door: the dialler asks for numbers and TCP alone, whatever libp2p may have been told besides
      denyDialMultiaddr: (address) => {
        const parsed = parseAddress(textOf(address));
        return "refusal" in parsed || rangeOf(parsed.address) === null;
      },
      denyInboundConnection: (connection) => this.#isClosed || !this.#handshakes.begin(connection),
      denyInboundEncryptedConnection: async (peer, connection) =>
        this.#isRestless(peer.toString()) || this.#denies(peer, connection),
      denyOutboundEncryptedConnection: async (peer, connection) => {
        if (await this.#denies(peer, connection)) return true;
        this.#handshakes.reached(connection);
        return false;
      },
      denyInboundUpgradedConnection: (_peer, connection) => {
        this.#handshakes.end(connection);
        return false;
      },
    };
  }

  /** Whether a host may come in at all, by what it did before. */
  isOpenTo(host: string): boolean {
    return !this.#isClosed && this.#handshakes.isOpenTo(host);
  }

  /** From now on nobody comes in. */
  close(): void {
    this.#isClosed = true;
  }

  /** Tells of connections that this node's own limits end. */
  follow(node: Libp2p, onCut: (peer: PeerId, cut: ConnectionCut) => void): void {
    this.#node = node;
    node.addEventListener("connection:open", ({ detail: connection }) => {
      connection.addEventListener("close", ({ error }) => {
        if (error instanceof ConnectionCut) onCut(connection.remotePeer.toString(), error);
      });
    });
  }

  /** Notes that somebody was turned away of whom nobody knows more than the host. */
  turnedAway(host: string, why: string): void {
    const { log, now } = this.#options;
    if (this.#knocks.take(host, now())) log.info({ host, why }, "turned a visitor away");
  }

  async #denies(remote: { toString(): string }, connection: MultiaddrConnection): Promise<boolean> {
    const { membership } = this.#options;
    const peer = remote.toString();
    const isAdmitted = membership.admits(peer);
    if (isAdmitted && (await this.#links.admit(peer, connection))) return false;
    if (isAdmitted) this.#refused(peer, "flood");
    else this.#refused(peer, membership.isMember(peer) ? "isolated" : "not-member");
    return true;
  }

  /** Whether a member connects again and again: each time others tell it all that they know. */
  #isRestless(peer: PeerId): boolean {
    const { membership, now } = this.#options;
    if (!membership.admits(peer) || this.#comings.take(peer, now())) return false;
    this.#refused(peer, "flood");
    return true;
  }

  #refused(peer: PeerId, reason: Reason): void {
    const { log, now, onRefused } = this.#options;
    if (!this.#knocks.take(peer, now())) return;
    log.info({ peer, reason }, "refused a connection");
    onRefused(peer, reason);
  }

  /** Ends the connections of a peer that do not answer although the peer is there: they are of a life before this one. */
  async #probe(peer: PeerId): Promise<void> {
    const connections = this.#node?.getConnections(peerIdFromString(peer)) ?? [];
    await Promise.all(
      connections.map(async (connection) => {
        if (await answers(connection)) return;
        connection.abort(new Error("the peer came back without this connection"));
      }),
    );
  }
}

// --- internal ---

/** Whether anything comes back over a connection within a second, a refusal included. */
async function answers(connection: Connection): Promise<boolean> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  try {
    const stream = await connection.newStream(PING_PROTOCOL, { signal });
    stream.abort(new Error("answered"));
    return true;
  } catch (error) {
    return !signal.aborted && connection.status === "open" && error instanceof Error;
  }
}
