import assert from "node:assert/strict";
import {
  type AgreementTerms,
  type ChainOutcome,
  type ConnectedPeer,
  type DialFailure,
  type FetchOutcome,
  inShort,
  type Network,
  type SignedAnnouncement,
  type SignedStatement,
  type Statement,
  type Traffic,
  type WantedPayload,
} from "../../src/gossip/index.ts";
import type { Digest, PeerId, Verdict } from "../../src/types.ts";
import type { Life } from "./life.ts";
import { MemoryAgreement } from "./memory-agreement.ts";
import { HeardAnnouncements } from "./memory-announcements.ts";
import { MemoryPayloads } from "./memory-payloads.ts";
import type { Parcel, WireOf } from "./wire-of.ts";

/** Difference between two peers' clocks that is put up with. */
const CLOCK_TOLERANCE_MS = 600_000;
/** Nobody has the key of a simulated peer. */
const NO_BYTES = new Uint8Array();

type Refusal = Parameters<Parameters<Network["onRefused"]>[0]>[1];
type PeerListener = Parameters<Network["onPeer"]>[0];

/** One process's end of the memory wire. */
export class Endpoint implements Network {
  readonly peerId: PeerId;
  readonly life: Life;
  readonly soughtAt = (): null => null;
  readonly banned = new Set<PeerId>();
  readonly payloads = new MemoryPayloads();
  readonly agreement: MemoryAgreement;
  readonly #wire: WireOf<Endpoint>;
  readonly #heard = new HeardAnnouncements();
  readonly #links = new Set<Endpoint>();
  readonly #onRefused: ((from: PeerId, refusal: Refusal) => void)[] = [];
  readonly #onPeer: PeerListener[] = [];
  readonly #onGreeting: Parameters<Network["onGreeting"]>[0][] = [];
  #greeting: Uint8Array = NO_BYTES;
  readonly #traffic = { sent: 0, received: 0 };
  #judge: ((signed: SignedAnnouncement) => Verdict<void>) | null = null;
  #isStarted = false;

  constructor(peer: PeerId, life: Life, wire: WireOf<Endpoint>) {
    this.peerId = peer;
    this.life = life;
    this.#wire = wire;
    this.agreement = new MemoryAgreement(peer, {
      later: (milliseconds, run) => wire.later(this, milliseconds, run),
      onLost: (from) => void wire.exchange(this, from),
      onWhole: (from, bytes) => this.hear(from, bytes),
    });
    life.onEnd(() => this.#unlinkAll());
  }

  get isUp(): boolean {
    return this.#isStarted && !this.life.isOver;
  }

  async start(): Promise<void> {
    assert(this.#judge !== null, "onAnnouncement comes before start");
    this.#isStarted = true;
    this.#wire.connect(this);
  }

  async stop(): Promise<void> {
    for (const other of this.#links) other.#tell("left", this);
    this.#isStarted = false;
    this.#unlinkAll();
  }

  addresses(): readonly string[] {
    return [`/memory/${this.peerId}`];
  }

  peers(): readonly ConnectedPeer[] {
    return this.#wire.others(this).map(({ peerId: peer }) => ({
      peer,
      address: `/memory/${peer}`,
      direction: "outbound",
      connectedAt: 0,
      inMesh: true,
      gossipScore: 0,
      roundTripMs: null,
      traffic: null,
    }));
  }

  /** Nobody dials on the memory wire: whoever is up is connected. */
  dialFailures(): ReadonlyMap<PeerId, DialFailure> {
    return new Map();
  }

  traffic(): Traffic {
    return { ...this.#traffic };
  }

  async announce(announcement: Parameters<Network["announce"]>[0]) {
    this.life.check();
    const signed = this.agreement.signAnnouncement({ ...announcement, author: this.peerId });
    this.#heard.add(signed);
    this.#wire.flood(this, signed);
    return { signed, recipients: this.#wire.others(this).length };
  }

  /** Announcements travel whole here, and the judge alone tells of which run they are. */
  ofRun(): void {}

  onAnnouncement(judge: (signed: SignedAnnouncement) => Verdict<void>): void {
    this.#judge = judge;
  }

  onRefused(listener: (from: PeerId, refusal: Refusal) => void): void {
    this.#onRefused.push(listener);
  }

  /**
   * Told when two have connected, and when one of them stops, dies or bans the other; of a partition `peers` alone
   * tells.
   */
  onPeer(listener: PeerListener): void {
    this.#onPeer.push(listener);
  }

  greet(body: Uint8Array): void {
    this.#greeting = body;
  }

  onGreeting(listener: Parameters<Network["onGreeting"]>[0]): void {
    this.#onGreeting.push(listener);
  }

  hold(payload: Digest, bytes: Uint8Array): void {
    this.payloads.hold(payload, bytes);
  }

  open(payload: Digest, to?: readonly PeerId[]): void {
    this.payloads.open(payload, to);
  }

  withdraw(payload: Digest): void {
    this.payloads.withdraw(payload);
  }

  fetch(
    peer: PeerId,
    payload: WantedPayload,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<FetchOutcome> {
    return this.#wire.fetch(this, peer, payload, signal);
  }

  admit(): void {} // in memory anybody may connect
  ban(peer: PeerId): void {
    this.banned.add(peer);
    for (const other of this.#links) if (other.peerId === peer) this.#unlink(other);
  }

  agreementTerms(terms: AgreementTerms | null): void {
    this.agreement.terms = terms;
  }

  async sign<S extends Statement>(statement: S): Promise<SignedStatement<S>> {
    return this.agreement.sign(statement);
  }

  async publish({ bytes }: { readonly bytes: Uint8Array }): Promise<number> {
    this.life.check();
    this.agreement.remember(bytes);
    this.#wire.flood(this, inShort(bytes));
    return this.#wire.others(this).length;
  }

  onAgreement(judge: Parameters<Network["onAgreement"]>[0]): void {
    this.agreement.judge = judge;
  }

  onKnownOfAgreement(known: Parameters<Network["onKnownOfAgreement"]>[0]): void {
    this.agreement.known = known;
  }

  onTellAgreement(tell: Parameters<Network["onTellAgreement"]>[0]): void {
    this.agreement.tell = tell;
  }

  exchangeAgreement(peer: PeerId): Promise<boolean> {
    return this.#wire.exchange(this, peer);
  }

  onTellChain(tell: Parameters<Network["onTellChain"]>[0]): void {
    this.agreement.tellChain = tell;
  }

  async fetchChain(peer: PeerId, from: number): Promise<ChainOutcome> {
    const page = await this.#wire.fetchChain(this, peer, this.agreement.request(from));
    return this.agreement.verified(page);
  }

  /** What it tells those who connect. */
  heard(): readonly Parcel[] {
    return this.#heard.newest();
  }

  isNews(parcel: Parcel): boolean {
    if (!this.isUp) return false;
    return parcel instanceof Uint8Array ? this.agreement.isNews(parcel) : !this.#heard.has(parcel);
  }

  hear(from: PeerId, parcel: Parcel): void {
    this.life.run(() => {
      const refusal =
        parcel instanceof Uint8Array
          ? this.agreement.hear(from, parcel)
          : this.#hearAnnouncement(parcel);
      if (refusal !== null) for (const tell of this.#onRefused) tell(from, refusal);
    });
  }

  count(way: "sent" | "received", bytes: number): void {
    this.#traffic[way] += bytes;
  }

  /**
   * Tells both ends that they are connected, once. Where neither listens nothing is kept: thousands of peers have
   * millions of links.
   */
  link(other: Endpoint): void {
    const isHeard =
      this.#onPeer.length +
        this.#onGreeting.length +
        other.#onPeer.length +
        other.#onGreeting.length >
      0;
    if (!isHeard || this.#links.has(other)) return;
    this.#links.add(other);
    other.#links.add(this);
    this.#tell("connected", other);
    other.#tell("connected", this);
    this.#meet(other);
    other.#meet(this);
  }

  /** Loses the connections to all others. */
  keepLinks(isKept: (other: Endpoint) => boolean): void {
    for (const other of this.#links) if (!isKept(other)) this.#unlink(other);
  }

  // --- internal ---

  #hearAnnouncement(signed: SignedAnnouncement): Refusal | null {
    const refusal = this.#refusalOf(signed);
    if (refusal === null) this.#heard.add(signed);
    return refusal;
  }

  /** Why it is not taken, as the door of a real network says it; null when it is. */
  #refusalOf(signed: SignedAnnouncement): Refusal | null {
    const { author, expiresAt } = signed.announcement;
    if (this.#wire.now > expiresAt + CLOCK_TOLERANCE_MS) {
      return { verdict: "ignore", reason: "expired" };
    }
    if (this.banned.has(author)) return { verdict: "ignore", reason: "not-member", author };
    const verdict = this.#judge?.(signed);
    return verdict === undefined || verdict.verdict === "accept" ? null : { ...verdict, author };
  }

  #unlinkAll(): void {
    this.keepLinks(() => false);
  }

  #unlink(other: Endpoint): void {
    this.#links.delete(other);
    other.#links.delete(this);
    this.#tell("disconnected", other);
    other.#tell("disconnected", this);
  }

  #tell(event: Parameters<PeerListener>[0], { peerId }: Endpoint): void {
    this.life.run(() => {
      for (const tell of this.#onPeer) tell(event, peerId);
    });
  }

  /** Hears what another says of itself; all simulated clocks are the same. */
  #meet(other: Endpoint): void {
    const greeting = { body: other.#greeting, clock: { offsetMs: 0, tookMs: 0 } };
    this.life.run(() => {
      for (const tell of this.#onGreeting) tell(other.peerId, greeting);
    });
  }
}
