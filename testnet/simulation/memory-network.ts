import assert from "node:assert/strict";
import type {
  ConnectedPeer,
  FetchFailure,
  FetchOutcome,
  Network,
  SignedAnnouncement,
} from "../../src/gossip/index.ts";
import type { Random } from "../../src/random.ts";
import type { Digest, PeerId, Verdict } from "../../src/types.ts";
import type { Life } from "./life.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** How the simulated wire behaves. */
export interface WireConditions {
  readonly random: Random;
  /** Share of messages that come only with the next heartbeat. */
  readonly lossRate: number;
  /** Whether two peers do not hear one another now. */
  readonly isCut: (a: PeerId, b: PeerId) => boolean;
}

/** Time until two peers that are up are connected, ms. */
const CONNECT_MS = 300;
/** Lost announcements come with a later heartbeat, as gossipsub's IHAVE brings them. */
const HEARTBEAT_MS = 1000;
const LATENCY_MS = { least: 5, most: 100 };
const TRANSFER_MS = { least: 50, most: 500 };
/** How long a server lets a request for a payload that is not open yet wait, and how often that is looked at. */
const OPEN_WAIT_MS = 30_000;
const POLL_MS = 100;
/** Size of a signed announcement, near enough. */
const ANNOUNCEMENT_BYTES = 280;
/** Announcements of an author that a peer holds for those who connect later. */
const HELD_PER_AUTHOR = 2;
const NO_BYTES = new Uint8Array();

type Refusal = Parameters<Parameters<Network["onRefused"]>[0]>[1];

/** The wire between simulated peers: announcements reach all, payloads are pulled, both take virtual time. */
export class MemoryWire {
  readonly #time: VirtualTime;
  readonly #conditions: WireConditions;
  readonly #endpoints = new Map<PeerId, Endpoint>();

  constructor(time: VirtualTime, conditions: WireConditions) {
    this.#time = time;
    this.#conditions = conditions;
  }

  /** The network of one process of a peer; an earlier process of the same peer must be over. */
  join(peer: PeerId, life: Life): Network {
    const endpoint = new Endpoint(peer, life, this);
    assert(this.#endpoints.get(peer)?.isUp !== true, "one process of a peer at a time");
    this.#endpoints.set(peer, endpoint);
    return endpoint;
  }

  /** Peers that are up and reachable from one. */
  others(endpoint: Endpoint): readonly Endpoint[] {
    return [...this.#endpoints.values()].filter((other) => this.#areConnected(endpoint, other));
  }

  /** After a while a new process exchanges with everyone what both have heard. */
  connect(endpoint: Endpoint): void {
    this.#time.after(CONNECT_MS, () => {
      for (const other of this.others(endpoint)) {
        for (const signed of other.heard()) this.#hand(other, endpoint, signed);
        for (const signed of endpoint.heard()) this.#hand(endpoint, other, signed);
      }
    });
  }

  /** Sends to everyone, each on a way of its own. */
  flood(from: Endpoint, signed: SignedAnnouncement): void {
    for (const to of this.#endpoints.values()) if (to !== from) this.#send(from, to, signed);
  }

  async fetch(
    client: Endpoint,
    peer: PeerId,
    payload: { readonly digest: Digest; readonly bytes: number },
    signal: AbortSignal,
  ): Promise<FetchOutcome> {
    const giveUpAt = this.#time.now + OPEN_WAIT_MS;
    await this.#pause(client, this.#between(LATENCY_MS));
    while (!signal.aborted) {
      const server = this.#reachable(client, peer);
      const bytes = server?.served(payload.digest);
      if (server !== null && bytes != null) return this.#transfer(server, client, bytes);
      if (this.#time.now >= giveUpAt) return failed(server === null ? "unreachable" : "timeout");
      await this.#pause(client, POLL_MS);
    }
    return failed("timeout");
  }

  // --- internal ---

  #areConnected(a: Endpoint, b: Endpoint): boolean {
    return (
      a !== b &&
      a.isUp &&
      b.isUp &&
      !a.banned.has(b.peerId) &&
      !b.banned.has(a.peerId) &&
      !this.#conditions.isCut(a.peerId, b.peerId)
    );
  }

  #reachable(client: Endpoint, peer: PeerId): Endpoint | null {
    const server = this.#endpoints.get(peer);
    return server !== undefined && this.#areConnected(client, server) ? server : null;
  }

  async #transfer(from: Endpoint, to: Endpoint, bytes: Uint8Array): Promise<FetchOutcome> {
    await this.#pause(to, this.#between(TRANSFER_MS));
    from.count("sent", bytes.length);
    to.count("received", bytes.length);
    return { ok: true, bytes };
  }

  #between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + (most - least) * this.#conditions.random();
  }

  /** Resolves some milliseconds later; never for a process that is dead by then. */
  #pause({ life }: Endpoint, milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#time.after(milliseconds, () => life.run(resolve)));
  }

  #send(from: Endpoint, to: Endpoint, signed: SignedAnnouncement): void {
    const isLost = this.#conditions.random() < this.#conditions.lossRate;
    this.#time.after(this.#between(LATENCY_MS), () => {
      if (!isLost && this.#areConnected(from, to)) this.#hand(from, to, signed);
      else this.#again(from, to, signed);
    });
  }

  /** Whoever is up hears it in the end; who is down is told when it connects. */
  #again(from: Endpoint, to: Endpoint, signed: SignedAnnouncement): void {
    if (!(from.isUp && to.isUp)) return;
    this.#time.after(HEARTBEAT_MS, () => this.#send(from, to, signed));
  }

  #hand(from: Endpoint, to: Endpoint, signed: SignedAnnouncement): void {
    if (!to.isNews(signed)) return;
    from.count("sent", ANNOUNCEMENT_BYTES);
    to.count("received", ANNOUNCEMENT_BYTES);
    to.hear(from.peerId, signed);
  }
}

// --- internal ---

function failed(failure: FetchFailure): FetchOutcome {
  return { ok: false, failure, detail: "simulated" };
}

/** One process's end of the wire. */
class Endpoint implements Network {
  readonly peerId: PeerId;
  readonly banned = new Set<PeerId>();
  readonly life: Life;
  readonly #wire: MemoryWire;
  readonly #held = new Map<Digest, { readonly bytes: Uint8Array; isOpen: boolean }>();
  readonly #heard = new Map<PeerId, readonly SignedAnnouncement[]>();
  readonly #known = new WeakSet<SignedAnnouncement>();
  readonly #onRefused: ((from: PeerId, refusal: Refusal) => void)[] = [];
  readonly #traffic = { sent: 0, received: 0 };
  #judge: ((signed: SignedAnnouncement) => Verdict<void>) | null = null;
  #isStarted = false;

  constructor(peer: PeerId, life: Life, wire: MemoryWire) {
    this.peerId = peer;
    this.life = life;
    this.#wire = wire;
  }

  get isUp(): boolean {
    return this.#isStarted && !this.life.isOver;
  }

  async start(): Promise<void> {
    this.#isStarted = true;
    this.#wire.connect(this);
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
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

  traffic(): { readonly sent: number; readonly received: number } {
    return this.#traffic;
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

  onPeer(): void {
    // Nothing of a node waits for connections yet.
  }

  hold(payload: Digest, bytes: Uint8Array): void {
    if (!this.#held.has(payload)) this.#held.set(payload, { bytes, isOpen: false });
  }

  open(payload: Digest): void {
    const held = this.#held.get(payload);
    if (held !== undefined) held.isOpen = true;
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
  }

  /** The bytes of a payload that is open; null when it is not. */
  served(payload: Digest): Uint8Array | null {
    const held = this.#held.get(payload);
    return held?.isOpen === true ? held.bytes : null;
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
      const verdict = this.#judge?.(signed);
      if (verdict?.verdict === "accept") this.#remember(signed);
      else if (verdict !== undefined) for (const tell of this.#onRefused) tell(from, verdict);
    });
  }

  count(way: "sent" | "received", bytes: number): void {
    this.#traffic[way] += bytes;
  }

  #remember(signed: SignedAnnouncement): void {
    const { author } = signed.announcement;
    this.#known.add(signed);
    const known = this.#heard.get(author) ?? [];
    this.#heard.set(author, [...known, signed].slice(-HELD_PER_AUTHOR));
  }
}
