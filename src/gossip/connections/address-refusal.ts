import { isIPv4, isIPv6 } from "node:net";
import { isPeerId } from "../keys/identity.ts";
import { type HostKind, hostOf, isHostKind } from "./address-host.ts";

/** Why a text is no address, in one sentence that names what is not spoken and what would be. */
export function refusalOf(text: string): string {
  if (!text.startsWith("/")) return `${quoted(text)} is no address: write ${exampleOf(text)}`;
  const [kind = "", host = "", transport = "", port = "", ...rest] = text.slice(1).split("/");
  const reason =
    troubleOfHost(kind, host) ?? troubleOfPort(transport, port, rest) ?? troubleOfEnd(rest);
  return `${reason}: write ${suggestion({ kind, host, port, rest })}`;
}

// --- internal ---

const EXAMPLE_HOST = "/ip4/1.2.3.4";
const EXAMPLE_PORT = 7117;
const WANTED: Readonly<Record<HostKind, string>> = {
  ip4: "an IPv4 address",
  ip6: "an IPv6 address",
  dns: "a host name",
  dns4: "a host name",
  dns6: "a host name",
};
const PORT = /^[1-9][0-9]{0,4}$/;

function troubleOfHost(kind: string, host: string): string | null {
  if (!isHostKind(kind)) return `${named(kind)} is not spoken`;
  if (hostOf(kind, host) !== null) return null;
  if (kind === "ip6" && host.includes("%")) return "zones of IPv6 addresses are not spoken";
  if (kind === "ip6" && isIPv6(host)) return "IPv4 inside of IPv6 is not spoken";
  return `${quoted(host)} is not ${WANTED[kind]}`;
}

function troubleOfPort(transport: string, port: string, rest: readonly string[]): string | null {
  if (transport === "") return "there is no port";
  // what runs above UDP tells more than UDP does
  const above = rest[0] === undefined || rest[0] === "p2p" ? transport : rest[0];
  if (transport !== "tcp") return `${named(above)} is not spoken`;
  return isPort(port) || port === "0" ? null : `${quoted(port)} is no port`;
}

function troubleOfEnd([name, peer, next]: readonly string[]): string {
  if (name === "") return "there is a slash too many";
  if (name !== undefined && name !== "p2p") return `${named(name)} is not spoken`;
  if (peer === undefined || !isPeerId(peer)) {
    return `${quoted(peer ?? "")} is not an Ed25519 peer id (12D3KooW…)`;
  }
  return next === undefined || next === ""
    ? "there is a slash too many"
    : `${named(next)} is not spoken`;
}

function suggestion(parts: {
  readonly kind: string;
  readonly host: string;
  readonly port: string;
  readonly rest: readonly string[];
}): string {
  const { kind, host, port, rest } = parts;
  const known = isHostKind(kind) && hostOf(kind, host) !== null;
  const start = known ? `/${kind}/${host}` : EXAMPLE_HOST;
  const peer = rest[rest.indexOf("p2p") + 1];
  const end = peer !== undefined && isPeerId(peer) ? `/p2p/${peer}` : "";
  return `${start}/tcp/${isPort(port) ? port : EXAMPLE_PORT}${end}`;
}

/** What somebody meant who wrote `host:port`. */
function exampleOf(text: string): string {
  const [, host = "", port = ""] = /^([^:/]{1,64}):([0-9]+)$/.exec(text) ?? [];
  const kind = isIPv4(host) ? "ip4" : "dns";
  return suggestion({ kind, host, port, rest: [] });
}

function isPort(port: string): boolean {
  return PORT.test(port) && Number(port) <= 65_535;
}

/** A protocol's name as it stands, anything else in quotes. */
function named(name: string): string {
  return /^[a-z0-9-]{1,24}$/.test(name) ? name : quoted(name);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
