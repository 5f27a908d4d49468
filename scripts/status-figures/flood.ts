import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { memoryOf } from "../memory/process-memory.ts";
import { type Latencies, summary, tenths } from "./latencies.ts";

/** What became of very many connections to the status port. */
export interface Flood {
  readonly connections: number;
  /** Open at one time at most, as far as this side knows. */
  readonly openMost: number;
  /** Health asked meanwhile, each time on a connection of its own, how often it answered, and in what time. */
  readonly asked: number;
  readonly answered: number;
  readonly health: Latencies;
  /** Of the node, before and at most meanwhile. */
  readonly mebibytes: { readonly before: number; readonly most: number };
  readonly seconds: number;
}

/** Opened at one time by this process, whatever the node does with them. */
const AT_ONCE = 1000;
const ASK_EVERY_MS = 100;
const ANSWER_MS = 5000;
const MEBIBYTE = 2 ** 20;

/**
 * Opens connections that say nothing, and keeps them for as long as the node lets them be; asks for its health meanwhile.
 *
 * @param pid - the node's process
 */
export async function flood(url: string, pid: number, connections: number): Promise<Flood> {
  const { hostname, port } = new URL(url);
  const rss = () => (memoryOf(pid)?.rss ?? 0) / MEBIBYTE;
  const before = rss();
  const open = new Set<Socket>();
  const from = performance.now();
  let openMost = 0;
  let most = before;
  let isOver = false;
  const asking = askHealth(url, () => isOver);
  for (let opened = 0; opened < connections; opened += 1) {
    while (open.size >= AT_ONCE) oldest(open).destroy();
    const socket = connect(Number(port), hostname);
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => open.delete(socket));
    openMost = Math.max(openMost, open.size);
    if (opened % 100 !== 99) continue;
    most = Math.max(most, rss());
    await delay(20);
  }
  isOver = true;
  const times = await asking;
  for (const socket of open) socket.destroy();
  const answered = times.filter((time) => time !== null);
  return {
    ...{ connections, openMost, asked: times.length, answered: answered.length },
    health: summary(answered),
    mebibytes: { before: tenths(before), most: tenths(most) },
    seconds: tenths((performance.now() - from) / 1000),
  };
}

// --- internal ---

function oldest(open: Set<Socket>): Socket {
  const [first] = open;
  if (first === undefined) throw new Error("one is open");
  open.delete(first);
  return first;
}

/** Times of the answers; null of what had none. */
async function askHealth(url: string, isOver: () => boolean): Promise<readonly (number | null)[]> {
  const times: (number | null)[] = [];
  while (!isOver()) {
    times.push(await askOnce(url));
    await delay(ASK_EVERY_MS);
  }
  return times;
}

async function askOnce(url: string): Promise<number | null> {
  const from = performance.now();
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(`${url}/v1/health`, { signal, headers: { connection: "close" } });
    await response.arrayBuffer();
    return performance.now() - from;
  } catch (error) {
    // closed, or too late: that is what is counted
    if (error instanceof TypeError || error instanceof DOMException) return null;
    throw error;
  }
}
