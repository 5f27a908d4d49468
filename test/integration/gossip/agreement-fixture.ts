import type { Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import {
  type AgreementMessage,
  type ChainBytes,
  type ChainOutcome,
  type KnownParts,
  type Network,
  NOTHING_KNOWN,
} from "../../../src/gossip/index.ts";
import type { PeerId } from "../../../src/types.ts";
import { Council } from "../../support/agreement-samples.ts";
import { type RawPeer, startRawPeer } from "../../support/raw-peer.ts";
import { startNode, type TestNode } from "./network-fixture.ts";

export const council = await Council.of(4);

export interface Member extends TestNode {
  readonly agreed: AgreementMessage[];
  readonly holds: Uint8Array[];
  readonly chain: ChainBytes[];
  /** Of the height of the council. */
  known: KnownParts;
}

/** The member of a place. */
export async function startMember(
  place: number,
  others: readonly TestNode[] = [],
  of: Council = council,
): Promise<Member> {
  const [agreed, holds, chain]: [AgreementMessage[], Uint8Array[], ChainBytes[]] = [[], [], []];
  const parts = { agreed, holds, chain, known: NOTHING_KNOWN };
  const prepare = (network: Network) => {
    network.agreementTerms(of.terms);
    network.onAgreement((message) => {
      agreed.push(message);
      return { verdict: "accept", value: undefined };
    });
    network.onKnownOfAgreement(() => member.known);
    network.onTellAgreement(() => holds);
    network.onTellChain((from, most) => chain.slice(from, from + most));
  };
  const identity = of.members[place];
  if (identity === undefined) throw new Error("the council has no such member");
  const config = { bootstrap: others.map(({ address }) => address) };
  const member: Member = Object.assign(await startNode({ config, identity, prepare }), parts);
  return member;
}

/** A member of the last place without our code. */
export const startImpostor = (): Promise<RawPeer> => startRawPeer(council.members[3]);

export async function streamTo(node: TestNode, raw: RawPeer, protocol: string): Promise<Stream> {
  return raw.dialProtocol(multiaddr(node.address), protocol);
}

export function fetchChain(client: TestNode, peer: PeerId): Promise<ChainOutcome> {
  return client.network.fetchChain(peer, 0, { signal: AbortSignal.timeout(30_000) });
}
