import { EventEmitter, once } from "node:events";
import type { Connection } from "@libp2p/interface";
import { afterEach, describe, expect, it } from "vitest";
import { Pulse } from "../../../../src/gossip/connections/pulse.ts";

/** A connection whose other end answers pings, or does not. */
class Line extends EventEmitter {
  readonly remotePeer = { toString: () => "peer" };
  rtt: number | undefined;
  pings = 0;
  error: Error | null = null;
  readonly muxer = {
    ping: async ({ signal }: { readonly signal: AbortSignal }): Promise<number> => {
      this.pings += 1;
      this.emit("ping");
      if (this.isAlive) return 7;
      await once(signal, "abort");
      throw signal.reason;
    },
  };
  isAlive: boolean;

  constructor(isAlive: boolean) {
    super();
    this.isAlive = isAlive;
  }

  abort(error: Error): void {
    this.error = error;
    this.emit("end");
  }
}

let pulse: Pulse | null = null;
afterEach(() => pulse?.end());

function feel(lines: readonly Line[], maxTimeout: number): EventTarget {
  const events = new EventTarget();
  const node = Object.assign(events, { getConnections: () => lines as unknown as Connection[] });
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
  const timeout = { minTimeout: maxTimeout, maxTimeout };
  pulse = new Pulse({ node: node as never, intervalMs: 10, log, timeout });
  pulse.begin();
  return events;
}

describe("a pulse", () => {
  it("is felt again and again, and a connection that has one stays", async () => {
    const line = new Line(true);
    feel([line], 1000);
    while (line.pings < 3) await once(line, "ping");
    expect(line.error).toBeNull();
    expect(line.rtt).toBe(7);
  });

  it("that is missed for too long ends the connection, and no other", async () => {
    const [alive, dead] = [new Line(true), new Line(false)];
    feel([alive, dead], 30);
    await once(dead, "end");
    expect(dead.error?.message).toMatch(/did not answer/);
    expect(alive.error).toBeNull();
  });

  it("is felt at once where the connection is new", async () => {
    const line = new Line(true);
    const events = feel([], 1000);
    const felt = once(line, "ping");
    events.dispatchEvent(new CustomEvent("connection:open", { detail: line }));
    await felt;
    expect(line.pings).toBe(1);
  });

  it("ends nothing when it is not felt any more", async () => {
    const line = new Line(false);
    feel([line], 60_000);
    await once(line, "ping");
    pulse?.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(line.error).toBeNull();
  });
});
