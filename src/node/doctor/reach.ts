import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { quorumOf } from "../../consensus/index.ts";
import { type Address, parseAddress, parseListenAddress, rangeOf } from "../../gossip/index.ts";
import { openRunOf, openRunText } from "../admission/await-seal.ts";
import { ownAddresses } from "../admission/own-addresses.ts";
import type { Config } from "../config/config.ts";
import { modeOf, requireConnections, requireMode } from "../config/mode-of.ts";
import { proxySettings } from "../config/proxy.ts";
import { rosterOf } from "../config/roster-of.ts";
import { checkBinding, judgeRequest } from "../http/access.ts";
import { configuredUrl, statusUrl } from "../http/status-client.ts";
import { short } from "../view/table.ts";
import { type Finding, fail, pass, warn } from "./check.ts";
import type { Ground } from "./ground.ts";

type Configured = Pick<Ground, "config">;

/** The list of members, this node's own peer id, and what mode they can have. */
export function checkMembers({ config, self }: Pick<Ground, "config" | "self">): Finding {
  const { run } = config;
  const open = openRunOf(config);
  if (open !== null) return pass(`not all known yet: ${openRunText(open)}`);
  const members = rosterOf(run).everyone;
  const count = `${members.length} members`;
  const fix = "list the peer ids of all members, this node's too, alike on every peer";
  if (members.length === 0) return fail("run.members is empty", fix);
  if (self !== null && !members.includes(self)) {
    return fail(`${count}, and this node is not one of them`, fix);
  }
  requireMode(run);
  requireConnections(config);
  if (members.length === 1) return warn("this node is the only member", fix);
  if (modeOf(run) === "gossip") return pass(`${count}, mode gossip`);
  const { size, faulty } = quorumOf(members.length);
  const bears = `${count}, mode agreed: a quorum is ${size}, and ${faulty} may lie`;
  if (faulty > 0) return pass(bears);
  return warn(
    `${bears}: rounds stop while ${members.length - size + 1} of them are away`,
    "have four members at least, or set run.mode to gossip, alike on every peer",
  );
}

/** Whether a node that does not run could listen where it is configured to. */
export async function checkPorts({
  config,
  running = null,
}: Configured & Partial<Pick<Ground, "running">>): Promise<Finding> {
  if (running !== null) {
    return pass(`in use by this node, which is running at ${statusUrl(config)}`);
  }
  const { listen, wanted } = portsOf(config);
  if (listen.length === 0) {
    const fix = "name one, such as /ip4/0.0.0.0/tcp/7117, unless this node is to call all others";
    return warn("network.listen is empty: nobody can call this node", fix);
  }
  const held: Server[] = [];
  try {
    const found: Finding[] = [];
    for (const each of wanted) found.push(await tryPort(each, held));
    const trouble = found.find(({ status }) => status === "fail");
    return trouble ?? pass(found.map(({ detail }) => detail).join("; "));
  } finally {
    for (const server of held) server.close();
  }
}

/** From how far the node can be called at its addresses, and what its own tell of a NAT, without asking outside. */
export function checkAddresses({ config }: Configured, interfaces = networkInterfaces()): Finding {
  const { announce, listen, bootstrap } = config.network;
  const own = parsed(ownAddresses({ announce: [], listen }, interfaces));
  const ranges = new Set(own.map((address) => rangeOf(address)));
  const called = new Set(parsed(bootstrap).map((address) => rangeOf(address)));
  const isFar = called.has("public") || called.has(null);
  const where = [...new Set(own.map(({ text }) => text))].join(", ");
  if (announce.length > 0) {
    const isOwn = parsed(announce).some(({ host }) => own.some((each) => each.host === host));
    const way =
      isOwn || own.length === 0
        ? ""
        : `, which is none of this machine's: behind NAT or a proxy that has to forward the port to ${where}`;
    return pass(`announces ${announce.join(", ")}${way}`);
  }
  if (own.length === 0) return pass("any free port: others learn it when this node calls them");
  if (ranges.has("public")) return pass(`${where}: public, no NAT in front of it`);
  if (ranges.has(null)) return pass(`${where}: a name, which members look up by themselves`);
  if (ranges.has("private") && isFar) {
    const isCarriers = own.some(({ host }) => CARRIER.test(host));
    return isCarriers
      ? warn(
          `${where}: behind a carrier's NAT, where no port can be forwarded; members outside cannot call`,
          "have the others listed in network.bootstrap, so that this node calls them",
        )
      : warn(
          `${where}: private, behind NAT; members outside cannot call`,
          "forward the port at the router and name it in network.announce, or list all others in network.bootstrap",
        );
  }
  if (ranges.has("private")) return pass(`${where}: private, for members in this network`);
  if (config.run.members.length > 1 && [...called].some((range) => range !== "loopback")) {
    return warn(`${where}: this machine alone can call it`, "listen on /ip4/0.0.0.0/tcp/PORT");
  }
  return pass(`${where}: for members on this machine`);
}

/** Whether both families of addresses go as far as they are used. */
export function checkIpv6({ config }: Configured, interfaces = networkInterfaces()): Finding {
  const hasSix = Object.values(interfaces)
    .flatMap((each) => each ?? [])
    .some(
      ({ family, internal, address }) => family === "IPv6" && !internal && !/^fe80:/i.test(address),
    );
  const here = hasSix ? "this machine has IPv6" : "this machine has no IPv6 beyond itself";
  const { listen, bootstrap, announce } = config.network;
  const isOnlySix = listen.length > 0 && listen.every((address) => /^\/(ip6|dns6)\//.test(address));
  const four = bootstrap.filter((address) => /^\/(ip4|dns4)\//.test(address));
  if (isOnlySix && announce.length === 0 && (four.length > 0 || !hasSix)) {
    return warn(
      `network.listen is IPv6 alone: members without it cannot call; ${here}`,
      "add /ip4/0.0.0.0/tcp/PORT to network.listen",
    );
  }
  const far = parsed(bootstrap).filter(
    ({ kind, host }) => kind === "dns6" || (kind === "ip6" && host !== "::1"),
  );
  if (far.length > 0 && !hasSix) {
    return warn(
      `${far.length} members have IPv6 addresses, and ${here}`,
      "give this machine IPv6, or name an IPv4 address of them too",
    );
  }
  return pass(here);
}

/** Whether the list of those to call can be right. */
export function checkBootstrap({ config, self }: Pick<Ground, "config" | "self">): Finding {
  const { bootstrap } = config.network;
  const members = new Set(rosterOf(config.run).everyone);
  const places = new Map<string, string>();
  const troubles: (readonly [string, string])[] = [];
  for (const text of bootstrap) {
    const read = parseAddress(text);
    if ("refusal" in read || read.peer === null) continue;
    const { peer, address } = read;
    const before = places.get(address.text);
    places.set(address.text, peer);
    if (before !== undefined && before !== peer) {
      const both = `${short(before)} and ${short(peer)} are both at ${address.text}`;
      troubles.push([both, "give each its own port: one of them alone can answer there"]);
    }
    if (peer === self) {
      troubles.push([
        `${address.text} is this node itself`,
        "name the others in network.bootstrap",
      ]);
    } else if (members.size > 0 && !members.has(peer)) {
      const fix = "add it to run.members on every peer, or take it out of network.bootstrap";
      troubles.push([`${peer} is not in run.members`, fix]);
    }
  }
  const [first] = troubles;
  if (first !== undefined) return warn(troubles.map(([what]) => what).join("; "), first[1]);
  if (bootstrap.length === 0 && members.size > 1) {
    const fix = "name the address of another member, unless all others name this node's";
    return warn("network.bootstrap is empty: this node calls nobody", fix);
  }
  return pass(`${bootstrap.length} addresses of ${new Set(places.values()).size} members`);
}

/** Whether the status endpoint may be where it is, and lets a proxy in front of it ask. */
export function checkStatus({ config }: Configured): Finding {
  const { status, network } = config;
  if (!status.enabled) return pass("not served: status.enabled is false");
  checkBinding(status);
  const rules = { ...status, token: null, pages: new Set<string>() };
  const isRefused = (host: string) =>
    judgeRequest({ method: "GET", path: "/status", host, origin: undefined }, rules) !== null;
  const names = parsed(network.announce).flatMap(({ kind, host }) =>
    kind.startsWith("dns") ? [host] : [],
  );
  const refused = names.filter((name) => isRefused(name));
  const at = configuredUrl(status);
  if (status.allowRemote && refused.length > 0) {
    return warn(
      `${at} refuses who asks for it as ${refused.join(", ")}, as a proxy may (403, unknown Host header)`,
      `add ${refused.join(", ")} to status.hostnames`,
    );
  }
  const known = ["localhost", "bare addresses", ...status.hostnames].join(", ");
  const proxy = "a proxy that passes another name on in Host is refused: status.hostnames";
  return pass(`${at}, asked for as ${known}; ${proxy}`);
}

/** What of this machine's requests goes through a proxy. */
export function checkProxy(environment: NodeJS.ProcessEnv = process.env): Finding {
  const settings = proxySettings(environment);
  if (settings === null) return pass("none in the environment; members are called without one");
  const kinds = Object.keys(settings).filter((name) => name !== "no_proxy");
  return pass(`${kinds.join(" and ")} for the hub; members are called without one`);
}

// --- internal ---

/** What carriers share among customers (RFC 6598). */
const CARRIER = /^100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\./;

interface WantedPort {
  readonly host: string;
  readonly port: number;
  readonly key: string;
}

function parsed(texts: readonly string[]): readonly Address[] {
  return texts.flatMap((text) => {
    const read = parseAddress(text);
    return "address" in read ? [read.address] : [];
  });
}

function portsOf({ network, status }: Config) {
  const listen: readonly WantedPort[] = network.listen.flatMap((text) => {
    const read = parseListenAddress(text);
    return "address" in read ? [{ ...read.address, key: "network.listen" }] : [];
  });
  const own = status.enabled ? [{ ...status, key: "status.port" }] : [];
  return { listen, wanted: [...listen, ...own] };
}

/** Keeps the port, so that two keys that name one are seen. */
async function tryPort({ host, port, key }: WantedPort, held: Server[]): Promise<Finding> {
  if (port === 0) return pass(`${key}: any free port of ${host}`);
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, "listening");
    held.push(server);
    return pass(`${key}: ${host}:${port} is free`);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const isOwn = held.some((each) => portOf(each) === port);
    const fix = isOwn
      ? `another key names port ${port} too: change ${key}`
      : (FIXES[code] ?? `stop what uses it, or change ${key}`);
    return fail(`${key}: cannot listen on ${host}:${port} (${code})`, fix);
  }
}

function portOf(server: Server): number | null {
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : null;
}

const FIXES: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL:
    "this machine has no such address: listen on 0.0.0.0, and name the outer address in network.announce",
  EACCES: "take a port of 1024 or higher: lower ones are the system's",
  ENOTFOUND: "correct the name: it stands for no address",
};
