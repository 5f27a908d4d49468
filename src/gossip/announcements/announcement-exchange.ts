import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import type { PeerId, Timestamp } from "../../types.ts";
import { converse, type Wire } from "../connections/conversation.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import { type Log, reasonOf } from "../log.ts";
import {
  decodeExchange,
  type ExchangeMessage,
  encodeExchange,
  MAX_EXCHANGE_BYTES,
} from "./exchange-message.ts";

/**
 * Two peers give each other the announcements they hold. Gossip forgets within minutes and reaches only who is there;
 * this reaches who comes late or was restarted, and mends whatever gossip lost.
 */
export const EXCHANGE_PROTOCOL = "/klatch/announcements/2";

const TIMEOUT_MS = 15_000;
/** Exchanges that a peer may start: both sides start one when they meet, then one now and then. */
const ALLOWANCE = { burst: 8, refillMs: 1000 };

export interface ExchangeOptions {
  readonly node: Libp2p;
  readonly log: Log;
  readonly now: () => Timestamp;
  /** What to tell over a connection. */
  readonly tell: (to: Connection) => ExchangeMessage;
  /** Takes what a peer told; resolves when all of it is judged. */
  readonly onMessage: (from: Connection, message: ExchangeMessage) => Promise<void>;
  readonly onMalformed: (from: PeerId) => void;
}

/** Speaks {@link EXCHANGE_PROTOCOL} on both ends. */
export class AnnouncementExchange {
  readonly #options: ExchangeOptions;
  readonly #allowance = new TokenBuckets(ALLOWANCE);
  readonly #running = new Map<PeerId, Promise<boolean>>();
  readonly #ended = new AbortController();

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** Exchanges with a connected peer, once at a time; whether it worked. */
  with(peer: PeerId): Promise<boolean> {
    const running = this.#running.get(peer);
    if (running !== undefined) return running;
    const exchange = this.#start(peer).finally(() => this.#running.delete(peer));
    this.#running.set(peer, exchange);
    return exchange;
  }

  /** Handles an incoming stream. */
  async handle(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    if (!this.#allowance.take(peer, this.#options.now())) {
      stream.abort(new Error("too many exchanges"));
      return;
    }
    await this.#run(stream, peer, async (wire, signal) => {
      await this.#receive(wire, connection, signal);
      await wire.write(encodeExchange(this.#options.tell(connection)), { signal });
    });
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#running.values());
  }

  async #start(peer: PeerId): Promise<boolean> {
    const connection = this.#options.node
      .getConnections()
      .find((candidate) => candidate.remotePeer.toString() === peer);
    if (connection === undefined || this.#ended.signal.aborted) return false;
    let stream: Stream;
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#ended.signal]);
      stream = await connection.newStream(EXCHANGE_PROTOCOL, { signal });
    } catch (error) {
      this.#options.log.debug(
        { peer, reason: reasonOf(error) },
        "could not exchange announcements",
      );
      return false;
    }
    return this.#run(stream, peer, async (wire, signal) => {
      await wire.write(encodeExchange(this.#options.tell(connection)), { signal });
      await this.#receive(wire, connection, signal);
    });
  }

  async #run(
    stream: Stream,
    peer: PeerId,
    talk: (wire: Wire, signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#ended.signal]);
    try {
      const limits = { maxBytes: MAX_EXCHANGE_BYTES, signal };
      await converse(stream, limits, (wire) => talk(wire, signal));
      return true;
    } catch (thrown) {
      const facts = { peer, reason: reasonOf(thrown) };
      this.#options.log.debug(facts, "an exchange of announcements ended early");
      return false;
    }
  }

  async #receive(wire: Wire, connection: Connection, signal: AbortSignal): Promise<void> {
    const message = decodeExchange((await wire.read({ signal })).subarray());
    if (message === null) {
      this.#options.onMalformed(connection.remotePeer.toString());
      throw new Error("the peer sent something that is no exchange message");
    }
    await this.#options.onMessage(connection, message);
  }
}
