import type {
  ChainOutcome,
  FetchOutcome,
  PageRequest,
  SignedAnnouncement,
} from "../../src/gossip/index.ts";
import type { Digest, PeerId } from "../../src/types.ts";

/** What goes round: an announcement, or the bytes of a statement or certificate. */
export type Parcel = SignedAnnouncement | Uint8Array;

/** What an end asks of the wire. */
export interface WireOf<Endpoint> {
  readonly now: number;
  others(endpoint: Endpoint): readonly Endpoint[];
  connect(endpoint: Endpoint): void;
  flood(from: Endpoint, parcel: Parcel): void;
  exchange(endpoint: Endpoint, peer: PeerId): Promise<boolean>;
  later(endpoint: Endpoint, milliseconds: number, run: () => void): void;
  fetchChain(client: Endpoint, peer: PeerId, request: PageRequest): Promise<ChainOutcome>;
  fetch(
    client: Endpoint,
    peer: PeerId,
    payload: { readonly digest: Digest; readonly bytes: number },
    signal: AbortSignal,
  ): Promise<FetchOutcome>;
}
