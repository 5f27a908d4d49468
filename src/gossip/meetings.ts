import type { Connection } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { PeerId } from "../types.ts";
import type { Exchanges } from "./connections/exchanges.ts";
import type { KlatchNode } from "./connections/libp2p-node.ts";
import type { Greetings } from "./greetings/greetings.ts";
import { type Log, reasonOf } from "./log.ts";

export interface MeetingsOptions {
  readonly node: KlatchNode;
  readonly exchange: Exchanges;
  readonly greetings: Greetings;
  readonly syncIntervalMs: number;
  readonly random: () => number;
  readonly log: Log;
}

/** When connected peers tell each other what they are and know: as soon as they can, and then now and then. */
export class Meetings {
  readonly #options: MeetingsOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MeetingsOptions) {
    this.#options = options;
  }

  /** Greets a peer over a connection that has just begun. */
  greet(connection: Connection, choices?: { readonly again: boolean }): void {
    const { greetings, log } = this.#options;
    greetings.begin(connection, choices).catch((error: unknown) => {
      const peer = connection.remotePeer.toString();
      log.warn({ peer, reason: reasonOf(error) }, "no greeting");
    });
  }

  /** Compares announcements with a connected peer. */
  exchangeWith(peer: PeerId): void {
    const { exchange, log } = this.#options;
    exchange.with(peer).catch((error: unknown) => {
      log.warn({ peer, reason: reasonOf(error) }, "an exchange failed");
    });
  }

  /** From now on compares announcements and clocks with one connected peer now and then. */
  schedule(): void {
    const { node, syncIntervalMs, random } = this.#options;
    this.#timer = setTimeout(
      () => {
        const peers = node.getPeers();
        const peer = peers[Math.floor(random() * peers.length)];
        if (peer !== undefined) this.#meetAgain(peer.toString());
        this.schedule();
      },
      syncIntervalMs * (0.5 + random()),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #meetAgain(peer: PeerId): void {
    const [connection] = this.#options.node.getConnections(peerIdFromString(peer));
    if (connection !== undefined) this.greet(connection, { again: true });
    this.exchangeWith(peer);
  }
}
