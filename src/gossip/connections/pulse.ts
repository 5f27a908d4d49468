import assert from "node:assert/strict";
import type { Connection, Libp2p } from "@libp2p/interface";
import { AdaptiveTimeout } from "@libp2p/utils";
import { type Log, reasonOf } from "../log.ts";

/** A peer whose training keeps its event loop busy answers late; only much later is it taken for dead. */
const TIMEOUT = { minTimeout: 20_000, maxTimeout: 60_000 };

export interface PulseOptions {
  readonly node: Pick<Libp2p, "getConnections" | "addEventListener">;
  readonly intervalMs: number;
  readonly log: Log;
  /** How long an answer may take, by what answers take otherwise; 20 to 60 s unless given. */
  readonly timeout?: { readonly minTimeout: number; readonly maxTimeout: number };
}

/**
 * Asks over every connection, when it is new and then now and then, whether the other end is alive, and ends those that do not answer. Like
 * libp2p's own monitor, but with a ping of the multiplexer: 30 bytes there and 30 back. A stream for each ping takes
 * some 250 each way, most of which names protocols.
 */
export class Pulse {
  readonly #options: PulseOptions;
  readonly #timeout: AdaptiveTimeout;
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#timeout = new AdaptiveTimeout(options.timeout ?? TIMEOUT);
  }

  begin(): void {
    const { node, intervalMs } = this.#options;
    // windows of streams grow by the round trip time; who is slow to tell it is not yet dead
    node.addEventListener("connection:open", ({ detail }) => {
      measure(detail, this.#ended.signal).catch(() => undefined);
    });
    this.#timer = setInterval(() => {
      for (const connection of node.getConnections()) void this.#feel(connection);
    }, intervalMs);
  }

  /** The answer to a question that is given up ends its connection. */
  end(): void {
    clearInterval(this.#timer);
    this.#ended.abort();
  }

  /** Never throws. */
  async #feel(connection: Connection): Promise<void> {
    const signal = this.#timeout.getTimeoutSignal({ signal: this.#ended.signal });
    try {
      await measure(connection, signal);
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      const peer = connection.remotePeer.toString();
      this.#options.log.debug({ peer, reason: reasonOf(error) }, "a connection is dead");
      connection.abort(new Error("the peer did not answer a ping"));
    } finally {
      this.#timeout.cleanUp(signal);
    }
  }
}

// --- internal ---

/** Notes the round trip time of a connection; several at a time share one ping. Throws when the signal aborts. */
async function measure(connection: Connection, signal: AbortSignal): Promise<void> {
  const { muxer } = connection as unknown as MuxedConnection;
  assert(typeof muxer.ping === "function", "yamux has no ping any more");
  connection.rtt = await muxer.ping({ signal });
}

/** The part of a connection of libp2p 3 that its type leaves out. */
interface MuxedConnection {
  readonly muxer: { ping(options: { readonly signal: AbortSignal }): Promise<number> };
}
