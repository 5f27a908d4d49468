import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { quorumOf } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { createNetwork, type Identity, loadIdentity } from "../../gossip/index.ts";
import { acquaint } from "../acquaintance/acquaintances.ts";
import { describeSelf, type OwnFacts } from "../acquaintance/self-description.ts";
import { notReached } from "../acquaintance/why-not-mixed.ts";
import { openRunOf, openRunText } from "../admission/await-seal.ts";
import type { Config } from "../config/config.ts";
import { modeOf, requireMode } from "../config/mode-of.ts";
import { networkConfig } from "../config/network-config.ts";
import { rosterOf } from "../config/roster-of.ts";
import { identityFile } from "../folders/data-folder.ts";
import { answers, askUrl, statusUrl } from "../http/status-client.ts";
import { silentLogger } from "../process/logger.ts";
import type { PeerStatus } from "../records/records.ts";
import { attempt, type Check, fail, pass, warn } from "./check.ts";

/** Longest wait for the peers of the bootstrap list. */
const REACH_MS = 8000;
/**
 * Longest attempt at one: the operator's addresses and then others' have failed, with a reason, before the wait is
 * over.
 */
const ATTEMPT_MS = 3000;
const POLL_MS = 100;

/** Members that are connected, and what is wrong with others, or with them. */
interface Reached {
  readonly peers: ReadonlySet<string>;
  readonly troubles: ReadonlyMap<string, string>;
  /** Who knocked and is no member. */
  readonly strangers: readonly string[];
}

/**
 * Identity, membership, ports and the other members.
 *
 * @param facts - what is known of model and adapter; null where they could not be loaded
 */
export async function checkReach(
  config: Config,
  facts: OwnFacts | null,
): Promise<readonly Check[]> {
  let identity: Identity | null = null;
  const identityCheck = await attempt("identity", async () => {
    identity = await loadIdentity(identityFile(config.dataDir));
    return pass("identity", `${identity.peerId}, readable by its owner only`);
  });
  const running = await runningPeers(config);
  return [
    identityCheck,
    checkMembers(config, (identity as Identity | null)?.peerId ?? null),
    ...(running === null
      ? await checkPorts(config)
      : [pass("ports", `in use by this node, which is running at ${statusUrl(config)}`)]),
    await checkPeers(config, { identity, facts, running }),
  ];
}

/** Whether a node that does not run could listen where it is configured to. */
export async function checkPorts(config: Config): Promise<readonly Check[]> {
  const wanted = config.network.listen.flatMap((address) => {
    const match = /^\/(?:ip|dns)[46]?\/([^/]+)\/tcp\/([0-9]+)/.exec(address);
    return match
      ? [{ host: match[1] as string, port: Number(match[2]), key: "network.listen" }]
      : [];
  });
  if (config.status.enabled) wanted.push({ ...config.status, key: "status.port" });
  return Promise.all(wanted.map((each) => checkPort(each)));
}

// --- internal ---

function checkMembers(config: Config, self: string | null): Check {
  const { run } = config;
  const open = openRunOf(config);
  if (open !== null) return pass("members", `not all known yet: ${openRunText(open)}`);
  const members = rosterOf(run).everyone;
  const count = `${members.length} members`;
  const fix = "list the peer ids of all members, this node's too, alike on every peer";
  if (members.length === 0) return fail("members", "run.members is empty", fix);
  if (self !== null && !members.includes(self)) {
    return fail("members", `${count}, and this node is not one of them`, fix);
  }
  const mode = modeTrouble(run);
  if (mode !== null) return fail("members", mode.message, mode.hint);
  if (members.length === 1) return warn("members", "this node is the only member", fix);
  if (modeOf(run) === "gossip") return pass("members", `${count}, mode gossip`);
  const { size, faulty } = quorumOf(members.length);
  const bears = `a quorum is ${size}, and ${faulty} may lie`;
  return pass("members", `${count}, mode agreed: ${bears}`);
}

/** Why the run cannot be in the mode that it names; null when it can. */
function modeTrouble(run: Config["run"]): KlatchError | null {
  try {
    requireMode(run);
    return null;
  } catch (error) {
    if (error instanceof KlatchError) return error;
    throw error;
  }
}

/** Whom the running node of this configuration is connected with; null when none runs. */
async function runningPeers(config: Config): Promise<Reached | null> {
  try {
    const { peers, peerId, strangers } = await askUrl(statusUrl(config), "status", answers.status);
    const { peerId: own } = await loadIdentity(identityFile(config.dataDir));
    if (peerId !== own) return null;
    return {
      peers: new Set(peers.filter(({ connected }) => connected).map(({ peer }) => peer)),
      troubles: new Map(peers.flatMap((peer) => troubleOf(peer))),
      strangers,
    };
  } catch (error) {
    if (error instanceof KlatchError) return null;
    throw error;
  }
}

async function checkPort(wanted: { host: string; port: number; key: string }): Promise<Check> {
  const { host, port, key } = wanted;
  if (port === 0) return pass("ports", `${key}: any free port of ${host}`);
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, "listening");
    return pass("ports", `${key}: ${host}:${port} is free`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const detail = `${key}: cannot listen on ${host}:${port} (${code})`;
    return fail("ports", detail, `stop what uses it, or change ${key}`);
  } finally {
    server.close();
  }
}

async function checkPeers(
  config: Config,
  {
    identity,
    facts,
    running,
  }: {
    readonly identity: Identity | null;
    readonly facts: OwnFacts | null;
    readonly running: Reached | null;
  },
): Promise<Check> {
  const wanted = new Set(
    config.network.bootstrap.map((address) => address.replace(/^.*\/p2p\//, "")),
  );
  if (wanted.size === 0 && (running === null || running.peers.size === 0)) {
    return config.run.members.length > 1
      ? warn("peers", "network.bootstrap is empty", "name the address of another member")
      : pass("peers", "nobody to reach");
  }
  if (identity === null) return warn("peers", "not tried without an identity", "run `klatch init`");
  const reached = running ?? (await dial(config, { identity, facts }, wanted));
  const missing = [...wanted].filter((peer) => !reached.peers.has(peer));
  const detail =
    wanted.size === 0
      ? `${reached.peers.size} members connected`
      : `${wanted.size - missing.length} of ${wanted.size} bootstrap peers reached`;
  const unreached = missing.filter((peer) => !reached.troubles.has(peer));
  const named = [
    ...unreached.map((peer) => `${peer} not reached`),
    ...[...reached.troubles].map(([peer, trouble]) => `${peer} ${trouble}`),
    ...reached.strangers.map((peer) => `${peer} knocks and is not in run.members`),
  ];
  if (named.length === 0) return pass("peers", detail);
  const fix =
    "make the named settings alike, start nodes that are down, check addresses and firewalls";
  return warn("peers", `${detail}; ${named.join("; ")}`, fix);
}

/** What keeps a member from being mixed and will not pass by itself, and what is unlike. */
function troubleOf(peer: PeerStatus): readonly (readonly [string, string])[] {
  const { reason, notes, lastDial, barrier, left } = peer;
  const isLasting = barrier || left || lastDial !== null;
  const troubles = [...(isLasting && reason !== null ? [reason] : []), ...notes];
  return troubles.length === 0 ? [] : [[peer.peer, troubles.join("; ")]];
}

/**
 * Connects as the node would, without listening, and says who answered and with what. It comes as a visitor: the node
 * itself may be running, unseen from here, and nobody is to take it for changed, or gone when this goes.
 */
async function dial(
  config: Config,
  { identity, facts }: { readonly identity: Identity; readonly facts: OwnFacts | null },
  wanted: ReadonlySet<string>,
): Promise<Reached> {
  const dialTimeoutMs = Math.min(config.network.dialTimeoutMs, ATTEMPT_MS);
  const quick = { ...networkConfig(config), listen: [], dialTimeoutMs };
  const network = await createNetwork(quick, { ...identity, visits: true });
  const description = { ...describeSelf(config, facts), visits: true };
  const acquaintances = acquaint(network, description, silentLogger());
  network.onGreeting((peer, greeting) => acquaintances.hear(peer, greeting));
  network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
  const reached = (): ReadonlySet<string> => new Set(network.peers().map(({ peer }) => peer));
  const isMet = (peer: string) => reached().has(peer) && acquaintances.of(peer) !== null;
  try {
    await network.start();
    const deadline = Date.now() + REACH_MS;
    while (Date.now() < deadline && [...wanted].some((peer) => !isMet(peer))) {
      await delay(POLL_MS);
    }
    const failed = [...network.dialFailures()].map(
      ([peer, failure]) => [peer, notReached(failure)] as const,
    );
    const unlike = [...reached()].flatMap((peer) => {
      const said = acquaintances.troublesOf(peer);
      return said.length === 0 ? [] : [[peer, said.join("; ")] as const];
    });
    return { peers: reached(), troubles: new Map([...failed, ...unlike]), strangers: [] };
  } finally {
    await network.stop();
  }
}
