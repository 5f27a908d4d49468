import type { PeerId, Verdict } from "../types.ts";
import type { Refusal, SignedAnnouncement } from "./contract.ts";

export type RefusalListener = (from: PeerId, refusal: Refusal) => void;
export type PeerListener = (event: "connected" | "disconnected", peer: PeerId) => void;

/** What the owner of a network wants to hear of. */
export class Listeners {
  judge: ((signed: SignedAnnouncement) => Verdict<void>) | null = null;
  readonly #refused: RefusalListener[] = [];
  readonly #peer: PeerListener[] = [];

  onRefused(listener: RefusalListener): void {
    this.#refused.push(listener);
  }

  onPeer(listener: PeerListener): void {
    this.#peer.push(listener);
  }

  refused(from: PeerId, refusal: Refusal): void {
    for (const listener of this.#refused) listener(from, refusal);
  }

  peer(event: "connected" | "disconnected", peer: PeerId): void {
    for (const listener of this.#peer) listener(event, peer);
  }
}
