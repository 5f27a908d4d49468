import assert from "node:assert/strict";
import { CODE_P2P, type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import type { PeerId } from "../../types.ts";

/** Longest textual multiaddr that is taken from a file or from a peer. */
export const MAX_ADDRESS_LENGTH = 256;

/** Whether the text is a multiaddr of bearable length. */
export function isMultiaddr(text: string): boolean {
  return parse(text) !== null;
}

/** The peer id that a multiaddr ends in; null when there is none, or when it is no multiaddr. */
export function peerOfAddress(text: string): PeerId | null {
  const last = parse(text)?.getComponents().at(-1);
  return last?.code === CODE_P2P ? (last.value ?? null) : null;
}

/** The address with the peer id at its end, so that nobody else can answer in the peer's place. */
export function withPeer(address: string, peer: PeerId): Multiaddr {
  return multiaddr(peerOfAddress(address) === null ? `${address}/p2p/${peer}` : address);
}

function parse(text: string): Multiaddr | null {
  if (text.length > MAX_ADDRESS_LENGTH) return null;
  try {
    return multiaddr(text);
  } catch (error) {
    // the parser says by throwing that this is not an address
    assert(error instanceof Error);
    return null;
  }
}
