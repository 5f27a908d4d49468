import assert from "node:assert/strict";
import type { Metrics, MultiaddrConnection } from "@libp2p/interface";
import type { Traffic } from "../contract.ts";

interface Wire {
  onData(data: { readonly byteLength: number }): void;
  sendData(data: { readonly byteLength: number }): { readonly sentBytes: number };
}

/**
 * Counts the bytes of every connection below encryption and multiplexing. libp2p hands each raw connection to its
 * metrics object. Listening to its `message` event there would be simpler. But a listener makes a connection deliver
 * bytes while a handshake still changes hands, and those bytes would be lost. So the two methods that every byte
 * passes through are wrapped instead.
 */
export class TrafficMeter {
  #sent = 0;
  #received = 0;

  read(): Traffic {
    return { sent: this.#sent, received: this.#received };
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
    wire.onData = (data) => {
      this.#received += data.byteLength;
      onData(data);
    };
    wire.sendData = (data) => {
      const result = sendData(data);
      this.#sent += result.sentBytes;
      return result;
    };
  }
}
