import type { PeerId, Verdict } from "../types.ts";
import { NOTHING_KNOWN } from "./agreement/in-short.ts";
import type {
  AgreementMessage,
  ChainBytes,
  Greeting,
  HeightName,
  KnownParts,
  PeerEvent,
  Refusal,
  SignedAnnouncement,
} from "./contract.ts";

export type RefusalListener = (from: PeerId, refusal: Refusal) => void;
export type PeerListener = (event: PeerEvent, peer: PeerId) => void;
export type GreetingListener = (from: PeerId, greeting: Greeting) => void;

/** What the owner of a network wants to hear of. */
export class Listeners {
  judge: ((signed: SignedAnnouncement) => Verdict<void>) | null = null;
  judgeAgreement: ((message: AgreementMessage, from: PeerId) => Verdict<void>) | null = null;
  knownOfAgreement: (name: HeightName) => KnownParts | null = () => NOTHING_KNOWN;
  tellAgreement: () => readonly Uint8Array[] = () => [];
  tellChain: (from: number, most: number) => readonly ChainBytes[] = () => [];
  readonly #refused: RefusalListener[] = [];
  readonly #peer: PeerListener[] = [];
  readonly #greeting: GreetingListener[] = [];

  onRefused(listener: RefusalListener): void {
    this.#refused.push(listener);
  }

  onPeer(listener: PeerListener): void {
    this.#peer.push(listener);
  }

  onGreeting(listener: GreetingListener): void {
    this.#greeting.push(listener);
  }

  refused(from: PeerId, refusal: Refusal): void {
    for (const listener of this.#refused) listener(from, refusal);
  }

  peer(event: PeerEvent, peer: PeerId): void {
    for (const listener of this.#peer) listener(event, peer);
  }

  greeting(from: PeerId, greeting: Greeting): void {
    for (const listener of this.#greeting) listener(from, greeting);
  }
}
