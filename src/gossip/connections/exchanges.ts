import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import type { PeerId, Timestamp } from "../../types.ts";
import { type Log, reasonOf } from "../log.ts";
import { converse, type Wire } from "./conversation.ts";
import { type BucketSize, TokenBuckets } from "./token-bucket.ts";

/** One side of an exchange that is under way. */
export interface Talk {
  readonly wire: Wire;
  readonly stream: Stream;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

export interface ExchangesOptions {
  readonly node: Libp2p;
  readonly log: Log;
  readonly now: () => Timestamp;
  readonly protocol: string;
  /** Of one message. */
  readonly maxBytes: number;
  /** Longest exchange. */
  readonly timeoutMs: number;
  /** Exchanges that a peer may start. */
  readonly allowance: BucketSize;
  /** The side that starts. */
  readonly ask: (talk: Talk) => Promise<void>;
  /** The side that was asked. */
  readonly answer: (talk: Talk) => Promise<void>;
}

/** Speaks a protocol in which two peers give each other what they hold, once at a time, on both ends. */
export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #allowance: TokenBuckets;
  readonly #running = new Map<PeerId, Promise<boolean>>();
  readonly #ended = new AbortController();

  constructor(options: ExchangesOptions) {
    this.#options = options;
    this.#allowance = new TokenBuckets(options.allowance);
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
    if (!this.#allowance.take(connection.remotePeer.toString(), this.#options.now())) {
      stream.abort(new Error("too many exchanges"));
      return;
    }
    await this.#run(stream, connection, this.#options.answer);
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#running.values());
  }

  async #start(peer: PeerId): Promise<boolean> {
    const { node, log, protocol, ask } = this.#options;
    const connection = node
      .getConnections()
      .find((candidate) => candidate.remotePeer.toString() === peer);
    if (connection === undefined || this.#ended.signal.aborted) return false;
    let stream: Stream;
    try {
      stream = await connection.newStream(protocol, { signal: this.#deadline() });
    } catch (error) {
      log.debug({ peer, protocol, reason: reasonOf(error) }, "could not begin an exchange");
      return false;
    }
    return this.#run(stream, connection, ask);
  }

  async #run(
    stream: Stream,
    connection: Connection,
    talk: (talk: Talk) => Promise<void>,
  ): Promise<boolean> {
    const { log, protocol, maxBytes } = this.#options;
    const signal = this.#deadline();
    try {
      await converse(stream, { maxBytes, signal }, (wire) =>
        talk({ wire, stream, connection, signal }),
      );
      return true;
    } catch (thrown) {
      const peer = connection.remotePeer.toString();
      log.debug({ peer, protocol, reason: reasonOf(thrown) }, "an exchange ended early");
      return false;
    }
  }

  #deadline(): AbortSignal {
    return AbortSignal.any([AbortSignal.timeout(this.#options.timeoutMs), this.#ended.signal]);
  }
}
