import type { PeerId } from "../../types.ts";
import { isPeerId } from "../keys/identity.ts";
import { type Host, type HostKind, hostOf } from "./address-host.ts";
import { isNowhere } from "./address-range.ts";
import { refusalOf } from "./address-refusal.ts";

/** Longest text that is read as an address, from a file or from a peer. */
export const MAX_ADDRESS_LENGTH = 256;

/** Where a peer is reached: everything that this node speaks, and nothing else. */
export interface Address extends Host {
  readonly port: number;
  /** The one text of it, without a peer id: equal texts are equal addresses. */
  readonly text: string;
}

/** Where a peer is said to be. */
export interface PeerAddresses {
  readonly peer: PeerId;
  readonly addresses: readonly Address[];
}

export type ParsedAddress =
  | { readonly address: Address; readonly peer: PeerId | null }
  /** Why not, for a person. */
  | { readonly refusal: string };

/**
 * Reads `/ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT`, with `/p2p/PEER` at its end or without. The grammar is closed: what
 * libp2p knows besides (certificates, relays, other transports, Unix sockets, lists behind a name) is refused here,
 * since its parser takes texts that throw, or reach other places, when they are dialled. Takes any text; never
 * throws.
 */
export function parseAddress(text: string): ParsedAddress {
  const parsed = parse(text);
  if ("refusal" in parsed) return parsed;
  const { address } = parsed;
  if (address.port === 0) return { refusal: "port 0 is where nobody can be reached" };
  return isNowhere(address) ? { refusal: `no peer can be reached at ${address.host}` } : parsed;
}

/** Like {@link parseAddress}, for where a node listens: port 0 takes a free one, `0.0.0.0` and `::` every interface. */
export function parseListenAddress(text: string): ParsedAddress {
  return parse(text);
}

/** The address of these parts, which have been checked. */
export function addressOf(kind: HostKind, host: string, port: number): Address {
  return { kind, host, port, text: `/${kind}/${host}/tcp/${port}` };
}

/**
 * Those of some texts that are addresses of this peer, each once, in their order: what is malformed or names another
 * peer is left out. Takes anything that can be written as a text, and what throws when it is.
 */
export function addressesOfPeer(texts: Iterable<unknown>, peer: PeerId): readonly Address[] {
  const found = new Map<string, Address>();
  for (const text of texts) {
    const parsed = parseAddress(textOf(text));
    if ("refusal" in parsed || (parsed.peer ?? peer) !== peer) continue;
    found.set(parsed.address.text, parsed.address);
  }
  return [...found.values()];
}

/** The text of a value from outside; empty when it has none. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch (error) {
    // libp2p makes addresses of bytes that it cannot write down, and says so by throwing
    if (!(error instanceof Error)) throw error;
    return "";
  }
}

// --- internal ---

const SHAPE = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(0|[1-9][0-9]{0,4})(?:\/p2p\/([^/]+))?$/;
const PORT_MAX = 65_535;

function parse(text: string): ParsedAddress {
  if (text.length > MAX_ADDRESS_LENGTH) {
    return { refusal: `longer than ${MAX_ADDRESS_LENGTH} characters` };
  }
  const shape = SHAPE.exec(text);
  if (shape === null) return { refusal: refusalOf(text) };
  const [, kind, name, digits, peer = null] = shape;
  const host = hostOf(kind as HostKind, name as string);
  if (host === null || Number(digits) > PORT_MAX || (peer !== null && !isPeerId(peer))) {
    return { refusal: refusalOf(text) };
  }
  return { address: addressOf(kind as HostKind, host, Number(digits)), peer };
}
