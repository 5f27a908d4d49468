import { createServer, type Server } from "node:net";
import { KlatchError } from "../../src/errors.ts";

/** Below the ranges from which systems take ports for outgoing connections, so that no dial can take a chosen port. */
const PORT_MIN = 15_000;
const PORT_MAX = 32_000;
const TRIES_MAX = 2000;

/**
 * Finds distinct TCP ports that are free on loopback now. Another process may still take one before it is used: callers
 * retry with new ports.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  for (let tries = 0; ports.length < count && tries < TRIES_MAX; tries++) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const server = await listen(port);
    if (server === null) continue;
    held.push(server);
    ports.push(port);
  }
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  if (ports.length === count) return ports;
  throw new KlatchError(
    "network",
    `found only ${ports.length} of ${count} free TCP ports on 127.0.0.1`,
    `Free some ports between ${PORT_MIN} and ${PORT_MAX}, or run fewer peers.`,
  );
}

/** Listens on a port of loopback; null when it is taken. */
function listen(port: number): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" || error.code === "EACCES" ? resolve(null) : reject(error),
    );
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => resolve(server));
  });
}
