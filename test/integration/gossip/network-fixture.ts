import { EventEmitter, once } from "node:events";
import {
  type Announcement,
  createNetwork,
  digestOf,
  generateIdentity,
  type Identity,
  type Network,
  type NetworkConfig,
  networkConfigSchema,
  type SignedAnnouncement,
} from "../../../src/gossip/index.ts";
import type { PeerId, Reason, Verdict } from "../../../src/types.ts";

export interface Refused {
  readonly from: PeerId;
  readonly verdict: string;
  readonly reason: string;
  /** Who signed the message, where that is known. */
  readonly author?: PeerId;
}

/** A real node on 127.0.0.1, with everything that it heard. */
export interface TestNode {
  readonly network: Network;
  readonly identity: Identity;
  readonly heard: SignedAnnouncement[];
  readonly refused: Refused[];
  /** Messages of its log. */
  readonly log: string[];
  readonly connected: Set<PeerId>;
  readonly address: string;
  /** Resolves as soon as the condition holds; fails when the deadline passes first. */
  until(condition: () => boolean, what: string, deadlineMs?: number): Promise<void>;
}

export interface NodeChoices {
  readonly config?: Partial<NetworkConfig>;
  readonly identity?: Identity;
  /** Its clock. */
  readonly now?: () => number;
  /** Whether it is no node, and goes without a goodbye. */
  readonly visits?: boolean;
  /** Called before it starts. */
  readonly prepare?: (network: Network) => void;
  /** Judges like the driver would, a reason being a rejection; the default accepts everything. */
  readonly judge?: (signed: SignedAnnouncement) => Verdict<unknown> | Reason | null;
}

const RUN = digestOf(Buffer.from("run"));
const running: Network[] = [];

/** Starts a node that listens on a free port of 127.0.0.1. */
export async function startNode(choices: NodeChoices = {}): Promise<TestNode> {
  const identity = choices.identity ?? (await generateIdentity());
  const changes = new EventEmitter().setMaxListeners(0);
  const log: string[] = [];
  const say = (_fields: object, message: string) => {
    log.push(message);
    changes.emit("change");
  };
  const network = await createNetwork(
    networkConfigSchema.parse({ listen: ["/ip4/127.0.0.1/tcp/0"], ...choices.config }),
    {
      key: identity.key,
      log: { debug: say, info: say, warn: say },
      visits: choices.visits ?? false,
      ...(choices.now === undefined ? {} : { now: choices.now }),
    },
  );
  running.push(network);
  const node: TestNode = {
    network,
    identity,
    heard: [],
    refused: [],
    log,
    connected: new Set(),
    get address() {
      return network.addresses()[0] ?? "";
    },
    until: (condition, what, deadlineMs = 60_000) => until(changes, condition, what, deadlineMs),
  };
  listen(node, changes, choices);
  choices.prepare?.(network);
  await network.start();
  return node;
}

function listen(node: TestNode, changes: EventEmitter, { judge }: NodeChoices): void {
  node.network.ofRun(RUN);
  node.network.onAnnouncement((signed): Verdict<void> => {
    const said = judge?.(signed) ?? { verdict: "accept", value: undefined };
    const verdict =
      typeof said === "string" ? ({ verdict: "reject", reason: said } as const) : said;
    if (verdict.verdict === "accept") node.heard.push(signed);
    changes.emit("change");
    return verdict.verdict === "accept" ? { verdict: "accept", value: undefined } : verdict;
  });
  node.network.onRefused((from, refusal) => {
    node.refused.push({ from, ...refusal });
    changes.emit("change");
  });
  node.network.onPeer((event, peer) => {
    if (event === "connected") node.connected.add(peer);
    else if (event === "disconnected") node.connected.delete(peer);
    changes.emit("change");
  });
}

/** Stops every node that the test started. */
export async function stopNodes(): Promise<void> {
  await Promise.all(running.splice(0).map((network) => network.stop()));
}

/** An announcement of these bytes, less its author. */
export function announcementOf(
  bytes: Uint8Array,
  change: Partial<Announcement> = {},
): Omit<Announcement, "author"> {
  const now = Date.now();
  return {
    run: RUN,
    mode: "gossip",
    codec: 0,
    flags: 0,
    reference: digestOf(Buffer.from("reference")),
    round: 0,
    sequence: 1,
    payload: digestOf(bytes),
    payloadBytes: bytes.byteLength,
    examples: 10,
    issuedAt: now,
    expiresAt: now + 60_000,
    ...change,
  };
}

/** Connects the nodes at these ends and waits until both know, and hear each other's gossip. */
export async function subscribed(node: TestNode, peers: readonly TestNode[]): Promise<void> {
  const inMesh = () => node.network.peers().filter((peer) => peer.inMesh);
  const wanted = peers.map(({ identity }) => identity.peerId);
  await poll(
    () => wanted.every((peer) => inMesh().some((connected) => connected.peer === peer)),
    "a gossip mesh",
  );
}

/** For what announces itself by no event: looks again after every turn of the event loop's timers. */
export async function poll(
  condition: () => boolean,
  what: string,
  deadlineMs = 60_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`no ${what} within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function until(
  changes: EventEmitter,
  condition: () => boolean,
  what: string,
  deadlineMs: number,
): Promise<void> {
  const signal = AbortSignal.timeout(deadlineMs);
  while (!condition()) {
    try {
      await once(changes, "change", { signal });
    } catch (cause) {
      const late = condition() ? " (it is there, but no change was told)" : "";
      throw new Error(`no ${what} within ${deadlineMs} ms${late}`, { cause });
    }
  }
}
