import assert from "node:assert/strict";
import type { Connection, Metrics, MultiaddrConnection } from "@libp2p/interface";
import type { PeerId } from "../../types.ts";
import type { Traffic } from "../contract.ts";

interface Wire {
  onData(data: { readonly byteLength: number }): void;
  sendData(data: { readonly byteLength: number }): { readonly sentBytes: number };
}

interface Counted {
  sent: number;
  received: number;
}

/** Peers whose bytes are told apart; those counted first go first. */
const MAX_PEERS = 1024;

/**
 * Counts the bytes of every connection below encryption and multiplexing. libp2p hands each raw connection to its
 * metrics object. Listening to its `message` event there would be simpler. But a listener makes a connection deliver
 * bytes while a handshake still changes hands, and those bytes would be lost. So the two methods that every byte
 * passes through are wrapped instead.
 */
export class TrafficMeter {
  readonly #all: Counted = { sent: 0, received: 0 };
  readonly #byPeer = new Map<PeerId, Counted>();
  /** What each connection counts for: everything, itself, and its peer once that is known. */
  readonly #countersOf = new WeakMap<MultiaddrConnection, Set<Counted>>();

  read(): Traffic {
    return { ...this.#all };
  }

  /** Bytes to and from a peer since this process began. */
  of(peer: PeerId): Traffic {
    return { sent: 0, received: 0, ...this.#byPeer.get(peer) };
  }

  /** Counts the bytes of a connection for its peer too, with those of its handshake. */
  attribute(connection: Connection): void {
    const { maConn } = connection as unknown as { readonly maConn: MultiaddrConnection };
    const counters = this.#countersOf.get(maConn);
    assert(counters !== undefined, "every connection is tracked");
    const ofPeer = this.#counterOf(connection.remotePeer.toString());
    for (const counter of counters) {
      if (counter === this.#all) continue;
      ofPeer.sent += counter.sent;
      ofPeer.received += counter.received;
    }
    counters.add(ofPeer);
  }

  /** The metrics object for libp2p: counts bytes, keeps no other metric. */
  metrics(): Metrics {
    const none = () => undefined;
    const metric = () => ({
      update: none,
      increment: none,
      decrement: none,
      reset: none,
      observe: none,
      timer: () => none,
    });
    return {
      trackMultiaddrConnection: (connection) => this.#track(connection),
      trackProtocolStream: none,
      registerMetric: metric,
      registerMetricGroup: metric,
      registerCounter: metric,
      registerCounterGroup: metric,
      registerHistogram: metric,
      registerHistogramGroup: metric,
      registerSummary: metric,
      registerSummaryGroup: metric,
      // biome-ignore lint/suspicious/noExplicitAny: the signature is libp2p's; the function is returned as it came
      traceFunction: (_name: string, traced: any) => traced,
      createTrace: none,
    };
  }

  #track(connection: MultiaddrConnection): void {
    const wire = connection as unknown as Wire;
    assert(typeof wire.onData === "function" && typeof wire.sendData === "function");
    const onData = wire.onData.bind(wire);
    const sendData = wire.sendData.bind(wire);
    const counters = new Set([this.#all, { sent: 0, received: 0 }]);
    this.#countersOf.set(connection, counters);
    wire.onData = (data) => {
      for (const counter of counters) counter.received += data.byteLength;
      onData(data);
    };
    wire.sendData = (data) => {
      const result = sendData(data);
      for (const counter of counters) counter.sent += result.sentBytes;
      return result;
    };
  }

  #counterOf(peer: PeerId): Counted {
    const counter = this.#byPeer.get(peer) ?? { sent: 0, received: 0 };
    this.#byPeer.set(peer, counter);
    const [first] = this.#byPeer.keys();
    if (this.#byPeer.size > MAX_PEERS && first !== undefined) this.#byPeer.delete(first);
    return counter;
  }
}
