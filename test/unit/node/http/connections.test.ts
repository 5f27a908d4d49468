import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { EventLog } from "../../../../src/node/http/event-log.ts";
import { readEvents } from "./event-reader.ts";
import { serveStatus } from "./status-endpoint.ts";

const MOST = 256;
const DEADLINE_MS = 20_000;

/** Opens connections that say nothing, for as long as they are let. */
function openSilent(url: string, count: number): Set<Socket> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  for (let each = 0; each < count; each += 1) {
    const socket = connect(Number(port), hostname);
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => open.delete(socket));
  }
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
  });
  return open;
}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error("it did not come to that in time");
    await delay(5);
  }
}

test("connections that say nothing make room for others, the oldest first, and keep nobody out", async () => {
  const { url } = await serveStatus();
  const open = openSilent(url, 2 * MOST);
  await until(() => open.size <= MOST);

  for (let asked = 0; asked < 10; asked += 1) {
    const response = await fetch(`${url}/v1/health`, { headers: { connection: "close" } });
    expect(response.status).toBe(200);
  }
  // each of the answers took the place of one, and left
  expect(open.size).toBeGreaterThanOrEqual(MOST - 10);
  expect(open.size).toBeLessThan(MOST);
});

test("who is being answered stays, however many come", async () => {
  const events = new EventLog();
  const { url } = await serveStatus({ events });
  const reader = await readEvents(url);
  expect(await reader.next(1)).toMatchObject([{ name: "begin" }]);
  const open = openSilent(url, 2 * MOST);
  await until(() => open.size < MOST);

  events.tell({ type: "phase", round: 3, phase: "fetch", at: 7 });

  expect(await reader.next(1)).toMatchObject([{ name: "phase", data: { round: 4 } }]);
});
