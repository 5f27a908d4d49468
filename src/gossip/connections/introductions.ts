import type { Connection, IdentifyResult } from "@libp2p/interface";
import type { PeerId, Timestamp } from "../../types.ts";
import { addressesOfPeer, type PeerAddresses, parseAddress, textOf } from "./address.ts";
import { isWithin, type Range, rangeOf } from "./address-range.ts";
import type { DialPlan } from "./dial-plan.ts";
import type { KlatchNode } from "./libp2p-node.ts";
import type { Membership } from "./membership.ts";

type Identified = Pick<IdentifyResult, "peerId" | "listenAddrs" | "connection">;

export interface IntroductionParts {
  readonly node: Pick<KlatchNode, "getMultiaddrs" | "getPeers">;
  readonly plan: DialPlan;
  readonly membership: Membership;
  readonly self: PeerId;
  /** Whether members tell each other of members. */
  readonly peerExchange: boolean;
  readonly now: () => Timestamp;
}

/**
 * What peers tell each other of where peers are: the one door through which an address from outside comes in or goes
 * out.
 */
export class Introductions {
  readonly #parts: IntroductionParts;

  constructor(parts: IntroductionParts) {
    this.#parts = parts;
  }

  /** What to tell over a connection: of every member what it said of itself and what the operator wrote, no hearsay. */
  tell(connection: Connection): readonly PeerAddresses[] {
    const { node, plan, membership, self, peerExchange } = this.#parts;
    if (!peerExchange) return [];
    const over = nearnessOf(connection);
    const own = { peer: self, addresses: addressesOfPeer(node.getMultiaddrs(), self) };
    const others = plan.book().filter(({ peer }) => membership.admits(peer));
    return [own, ...others]
      .map(({ peer, addresses }) => ({
        peer,
        addresses: addresses.filter((a) => isWithin(a, over)),
      }))
      .filter(({ addresses }) => addresses.length > 0);
  }

  /** Takes what the peer at the other end told of members, itself included. */
  hear(connection: Connection, told: readonly PeerAddresses[]): void {
    if (this.#parts.peerExchange) this.#learn(connection, told);
  }

  /** Takes what libp2p's identify brought: the peer's own listening addresses. */
  identified({ peerId, listenAddrs, connection }: Identified): void {
    const peer = peerId.toString();
    this.#learn(connection, [{ peer, addresses: addressesOfPeer(listenAddrs, peer) }]);
  }

  #learn(connection: Connection, told: readonly PeerAddresses[]): void {
    const { plan, membership, self, now, node } = this.#parts;
    const teller = connection.remotePeer.toString();
    const over = nearnessOf(connection);
    const connected = new Set(node.getPeers().map(String));
    for (const { peer, addresses } of told) {
      if (peer === self || !membership.admits(peer)) continue;
      plan.learn({ peer, teller, addresses, over }, now(), { patient: self > peer });
      // only now: what libp2p brings late may be of a connection that is gone
      if (connected.has(peer)) plan.connected(peer, now());
    }
  }
}

/** How near the other end is, as this node sees it; of what it cannot tell it expects the least. */
export function nearnessOf({ remoteAddr }: Connection): Range {
  const parsed = parseAddress(textOf(remoteAddr));
  return "refusal" in parsed ? "public" : (rangeOf(parsed.address) ?? "public");
}
