import { Agent, createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What a request took, in milliseconds. */
export interface Latencies {
  readonly median: number;
  readonly p99: number;
  readonly worst: number;
}

/** Between two requests, as a page and a monitor ask. */
const PAUSE_MS = 20;

/**
 * Asks so many times, one after the other on one connection, and in turn a server of this process that does nothing
 * else: what that takes is the machine's.
 */
export async function latencies(
  url: string,
  requests: number,
): Promise<{ readonly status: Latencies; readonly nothing: Latencies }> {
  const server = createServer((_, response) => response.end("{}"));
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const agents = [0, 1].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
  const [status, nothing]: [number[], number[]] = [[], []];
  try {
    for (let request = 0; request < requests; request += 1) {
      status.push(await timed(`${url}/v1/status`, agents[0]));
      nothing.push(await timed(own, agents[1]));
      await delay(PAUSE_MS);
    }
  } finally {
    for (const agent of agents) agent.destroy();
    server.close();
  }
  return { status: summary(status), nothing: summary(nothing) };
}

/** Median, 99th percentile and worst. */
export function summary(times: readonly number[]): Latencies {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    tenths(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN);
  return { median: at(0.5), p99: at(0.99), worst: at(1) };
}

export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The middle one by what is measured of them; of an even number the lower. */
export function medianBy<T>(all: readonly T[], measured: (each: T) => number): T {
  const sorted = all.toSorted((a, b) => measured(a) - measured(b));
  return sorted[(sorted.length - 1) >> 1] as T;
}

// --- internal ---

function timed(url: string, agent: Agent | undefined): Promise<number> {
  const from = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  get(url, { agent }, (response) => {
    response.resume();
    response.on("error", reject);
    response.on("end", () => {
      if (response.statusCode === 200) resolve(performance.now() - from);
      else reject(new Error(`${url} answers ${response.statusCode}`));
    });
  }).on("error", reject);
  return promise;
}
