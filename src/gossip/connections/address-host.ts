import { isIPv4, isIPv6, SocketAddress } from "node:net";

const HOST_KINDS = ["ip4", "ip6", "dns", "dns4", "dns6"] as const;
/** How a host is named: by number, or by a name that stands for numbers of either or one family. */
export type HostKind = (typeof HOST_KINDS)[number];

export interface Host {
  readonly kind: HostKind;
  readonly host: string;
}

export function isHostKind(text: string): text is HostKind {
  return (HOST_KINDS as readonly string[]).includes(text);
}

/** The one way to write a host of this kind; null when the text is none. */
export function hostOf(kind: HostKind, text: string): string | null {
  if (kind === "ip4") return isIPv4(text) ? text : null;
  return kind === "ip6" ? ip6Of(text) : nameOf(text);
}

// --- internal ---

const NAME_MAX = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** The last part of what resolvers read as an IPv4 address, in whichever base. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/** The shortest lower-case form. Zones mean something on one machine only; IPv4 has a form of its own. */
function ip6Of(text: string): string | null {
  if (!isIPv6(text) || text.includes("%")) return null;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  return address.includes(".") ? null : address;
}

function nameOf(text: string): string | null {
  const name = text.toLowerCase();
  const labels = name.split(".");
  if (name.length > NAME_MAX || !labels.every((label) => LABEL.test(label))) return null;
  return NUMBER.test(labels.at(-1) ?? "") ? null : name;
}
