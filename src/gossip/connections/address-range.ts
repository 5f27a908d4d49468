import { BlockList, isIPv6 } from "node:net";
import type { Host } from "./address-host.ts";

/** How near an address is: whoever is told of it from farther away cannot mean, and must not reach, what is there. */
export type Range = "public" | "private" | "link-local" | "loopback";

const NEARNESS: readonly Range[] = ["public", "private", "link-local", "loopback"];

/** How near a host is; null for a name, which has to be looked up first. */
export function rangeOf({ kind, host }: Host): Range | null {
  if (kind !== "ip4" && kind !== "ip6") return null;
  const family = kind === "ip4" ? "ipv4" : "ipv6";
  return RANGES.find(([, list]) => list.check(host, family))?.[0] ?? "public";
}

/** Whether nobody can be at a host: unspecified, multicast, reserved, and IPv4 inside of IPv6. */
export function isNowhere({ kind, host }: Host): boolean {
  if (kind === "ip4") return NOWHERE_4.check(host, "ipv4");
  return kind === "ip6" && !SOMEWHERE_6.check(host, "ipv6");
}

/**
 * Whether an address that a peer told may be used, and told to a peer. The rule: public addresses always; private
 * (RFC 1918, carriers' NAT, unique local), link-local and loopback ones over connections that are at least as near
 * themselves. So a cluster on one machine and a consortium in one network find each other, and a peer on the Internet
 * cannot send this node to its neighbours' printers, a cloud's metadata, or its own other ports. A name passes here,
 * and is judged by what it stands for each time it is dialled.
 */
export function isWithin(host: Host, over: Range): boolean {
  const range = rangeOf(host);
  return range === null || NEARNESS.indexOf(range) <= NEARNESS.indexOf(over);
}

// --- internal ---

const RANGES: readonly (readonly [Range, BlockList])[] = [
  ["loopback", listOf("127.0.0.0/8", "::1/128")],
  ["link-local", listOf("169.254.0.0/16", "fe80::/10")],
  [
    "private",
    listOf(
      ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
      ...["192.0.0.0/24", "198.18.0.0/15", "fc00::/7"],
    ),
  ],
];
const NOWHERE_4 = listOf("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4");
const SOMEWHERE_6 = somewhere6();

/** Global unicast less what tunnels IPv4 (6to4, Teredo), and the near ranges. */
function somewhere6(): { check(host: string, family: "ipv6"): boolean } {
  const inside = listOf("::1/128", "fe80::/10", "fc00::/7", "2000::/3");
  const tunnels = listOf("2002::/16", "2001::/32");
  return { check: (host, family) => inside.check(host, family) && !tunnels.check(host, family) };
}

function listOf(...networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [base = "", bits] = network.split("/");
    list.addSubnet(base, Number(bits), isIPv6(base) ? "ipv6" : "ipv4");
  }
  return list;
}
