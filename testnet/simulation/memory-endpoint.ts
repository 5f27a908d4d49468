import assert from "node:assert/strict";
import type {
  ConnectedPeer,
  DialFailure,
  FetchOutcome,
  Network,
  SignedAnnouncement,
  Traffic,
} from "../../src/gossip/index.ts";
import type { Digest, PeerId, Verdict } from "../../src/types.ts";
import type { Life } from "./life.ts";

/** What an end asks of the wire. */
export interface WireOfEndpoint {
  /** The peers' clocks. */
  readonly now: number;
  /** Peers that are up and reachable from one. */
  others(endpoint: Endpoint): readonly Endpoint[];
  connect(endpoint: Endpoint): void;
  flood(from: Endpoint, signed: SignedAnnouncement): void;
  fetch(
    client: Endpoint,
    peer: PeerId,
    payload: { readonly digest: Digest; readonly bytes: number },
    signal: AbortSignal,
  ): Promise<FetchOutcome>;
}

/** Announcements of an author that a peer holds for those who connect later: two, for what contradicts itself. */
const HELD_PER_AUTHOR = 2;
/** Difference between two peers' clocks that is put up with. */
const CLOCK_TOLERANCE_MS = 600_000;
/** Nobody has the key of a simulated peer. */
const NO_BYTES = new Uint8Array();

interface Held {
  readonly bytes: Uint8Array;
  openTo: readonly PeerId[] | "everybody";
}

type Refusal = Parameters<Parameters<Network["onRefused"]>[0]>[1];
type PeerListener = Parameters<Network["onPeer"]>[0];

/** One process's end of the memory wire. */
export class Endpoint implements Network {
  readonly peerId: PeerId;
  readonly life: Life;
  readonly banned = new Set<PeerId>();
  readonly #wire: WireOfEndpoint;
  readonly #held = new Map<Digest, Held>();
  readonly #heard = new Map<PeerId, readonly SignedAnnouncement[]>();
  readonly #known = new WeakSet<SignedAnnouncement>();
  readonly #links = new Set<Endpoint>();
  readonly #onRefused: ((from: PeerId, refusal: Refusal) => void)[] = [];
  readonly #onPeer: PeerListener[] = [];
  readonly #onGreeting: Parameters<Network["onGreeting"]>[0][] = [];
  #greeting: Uint8Array = NO_BYTES;
  readonly #traffic = { sent: 0, received: 0 };
  #judge: ((signed: SignedAnnouncement) => Verdict<void>) | null = null;
  #isStarted = false;

  constructor(peer: PeerId, life: Life, wire: WireOfEndpoint) {
    this.peerId = peer;
    this.life = life;
    this.#wire = wire;
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
    const signed = { announcement: { ...announcement, author: this.peerId }, bytes: NO_BYTES };
    this.#remember(signed);
    this.#wire.flood(this, signed);
    return { signed, recipients: this.#wire.others(this).length };
  }

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
    if (!this.#held.has(payload)) this.#held.set(payload, { bytes, openTo: [] });
  }

  open(payload: Digest, to: Held["openTo"] = "everybody"): void {
    const held = this.#held.get(payload);
    if (held !== undefined && held.openTo !== "everybody") held.openTo = to;
  }

  withdraw(payload: Digest): void {
    this.#held.delete(payload);
  }

  fetch(
    peer: PeerId,
    payload: { readonly digest: Digest; readonly bytes: number },
    { signal }: { readonly signal: AbortSignal },
  ): Promise<FetchOutcome> {
    return this.#wire.fetch(this, peer, payload, signal);
  }

  ban(peer: PeerId): void {
    this.banned.add(peer);
    for (const other of this.#links) if (other.peerId === peer) this.#unlink(other);
  }

  /** The bytes of a payload that is open to a peer; null when it is not. */
  served(payload: Digest, to: PeerId): Uint8Array | null {
    const { openTo = [], bytes = null } = this.#held.get(payload) ?? {};
    return openTo === "everybody" || openTo.includes(to) ? bytes : null;
  }

  /** What it tells those who connect. */
  heard(): readonly SignedAnnouncement[] {
    return [...this.#heard.values()].flat();
  }

  isNews(signed: SignedAnnouncement): boolean {
    return this.isUp && !this.#known.has(signed);
  }

  hear(from: PeerId, signed: SignedAnnouncement): void {
    this.life.run(() => {
      const refusal = this.#refusalOf(signed);
      if (refusal === null) this.#remember(signed);
      else for (const tell of this.#onRefused) tell(from, refusal);
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

  // --- internal ---

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
    for (const other of this.#links) this.#unlink(other);
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

  #remember(signed: SignedAnnouncement): void {
    const { author } = signed.announcement;
    this.#known.add(signed);
    const inOrder = [...(this.#heard.get(author) ?? []), signed].sort(
      (a, b) => a.announcement.sequence - b.announcement.sequence,
    );
    this.#heard.set(author, inOrder.slice(-HELD_PER_AUTHOR));
  }
}
