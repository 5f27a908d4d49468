import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../../errors.ts";
import { createNetwork, type Identity } from "../../gossip/index.ts";
import type { PeerId } from "../../types.ts";
import { acquaint } from "../acquaintance/acquaintances.ts";
import { certainOffset } from "../acquaintance/clock-offset.ts";
import { describeSelf, type OwnFacts } from "../acquaintance/self-description.ts";
import { notReached } from "../acquaintance/why-not-mixed.ts";
import type { Config } from "../config/config.ts";
import { networkConfig } from "../config/network-config.ts";
import { answers, askUrl, StartingError, statusUrl, tokenIn } from "../http/status-client.ts";
import { silentLogger } from "../process/logger.ts";
import type { PeerStatus } from "../records/records.ts";
import { outcome } from "./check.ts";

/** Longest wait for the peers of the bootstrap list. */
const REACH_MS = 8000;
/**
 * Longest attempt at one: the operator's addresses and then others' have failed, with a reason, before the wait is
 * over.
 */
const ATTEMPT_MS = 3000;
const POLL_MS = 100;

/** A member as it was met, or not. */
export interface MetMember {
  readonly connected: boolean;
  /** What is unlike, or keeps it from being reached or mixed and will not pass by itself, in words. */
  readonly troubles: readonly string[];
  /** Of its klatch; null where it did not say. */
  readonly version: string | null;
  /** How far its clock is ahead at the least, milliseconds; null where that was not measured. */
  readonly clockMs: number | null;
}

/** The other members, as the running node of a configuration sees them, or as a visit found them. */
export interface Met {
  readonly isNode: boolean;
  readonly members: ReadonlyMap<PeerId, MetMember>;
  /** Who knocked and is no member. */
  readonly strangers: readonly PeerId[];
}

/** The node of a configuration that runs already: "starting" until its model is loaded; null where none answers. */
export async function runningNode(
  config: Config,
  self: PeerId | null,
): Promise<Met | "starting" | null> {
  const said = await outcome(async () =>
    askUrl(statusUrl(config), "status", answers.status, tokenIn(config.dataDir)),
  );
  if (said instanceof StartingError) return "starting";
  if (said instanceof KlatchError || said.peerId !== self) return null;
  const members = new Map(said.peers.map((peer) => [peer.peer, asSeen(peer)]));
  return { isNode: true, members, strangers: said.strangers };
}

/**
 * Connects as the node would, without listening, and says who answered and with what. It comes as a visitor: the node
 * itself may be running, unseen from here, and nobody is to take it for changed, or gone when this goes.
 *
 * @throws KlatchError `permission` for a network key that cannot be used
 */
export async function visit(
  config: Config,
  identity: Identity,
  facts: OwnFacts | null,
): Promise<Met> {
  const wanted = new Set(bootstrapPeers(config));
  const dialTimeoutMs = Math.min(config.network.dialTimeoutMs, ATTEMPT_MS);
  const quick = { ...networkConfig(config), listen: [], dialTimeoutMs };
  const network = await createNetwork(quick, { ...identity, visits: true });
  const description = { ...describeSelf(config, facts), visits: true };
  const acquaintances = acquaint(network, description, silentLogger());
  network.onGreeting((peer, greeting) => acquaintances.hear(peer, greeting));
  network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
  const reached = (): readonly PeerId[] => network.peers().map(({ peer }) => peer);
  const isMet = (peer: PeerId) => reached().includes(peer) && acquaintances.of(peer) !== null;
  try {
    await network.start();
    const deadline = Date.now() + REACH_MS;
    while (Date.now() < deadline && [...wanted].some((peer) => !isMet(peer))) {
      await delay(POLL_MS);
    }
    const members = new Map<PeerId, MetMember>();
    for (const [peer, failure] of network.dialFailures()) {
      members.set(peer, { ...UNMET, troubles: [notReached(failure)] });
    }
    for (const peer of reached()) {
      const { version = null, clock = null } = acquaintances.of(peer) ?? {};
      const troubles = acquaintances.troublesOf(peer);
      const clockMs = clock === null ? null : certainOffset(clock);
      members.set(peer, { connected: true, troubles, version, clockMs });
    }
    return { isNode: false, members, strangers: [] };
  } finally {
    await network.stop();
  }
}

/** Whom the operator's addresses name. */
export function bootstrapPeers({ network }: Pick<Config, "network">): readonly PeerId[] {
  return [...new Set(network.bootstrap.map((address) => address.replace(/^.*\/p2p\//, "")))];
}

// --- internal ---

const UNMET = { connected: false, version: null, clockMs: null };

function asSeen(peer: PeerStatus): MetMember {
  const { connected, reason, notes, lastDial, barrier, left, version, clockOffsetMs } = peer;
  const isLasting = barrier || left || lastDial !== null;
  const troubles = [...(isLasting && reason !== null ? [reason] : []), ...notes];
  return { connected, troubles, version, clockMs: clockOffsetMs };
}
