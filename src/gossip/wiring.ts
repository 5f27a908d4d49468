import assert from "node:assert/strict";
import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { PeerId, Reason, Timestamp } from "../types.ts";
import { AdmissionWiring } from "./admission/admission-wiring.ts";
import { AgreementWiring } from "./agreement/agreement-wiring.ts";
import { AnnouncementDoor } from "./announcements/announcement-door.ts";
import { announcementExchange, EXCHANGE_PROTOCOL } from "./announcements/announcement-exchange.ts";
import type { ExchangeMessage } from "./announcements/exchange-message.ts";
import type { NetworkConfig } from "./config.ts";
import { parseAddress } from "./connections/address.ts";
import { type ConnectionLimits, connectionLimits } from "./connections/connection-limits.ts";
import { DialPlan } from "./connections/dial-plan.ts";
import { Dialer } from "./connections/dialer.ts";
import { Discipline } from "./connections/discipline.ts";
import type { Exchanges } from "./connections/exchanges.ts";
import { Gatekeeper } from "./connections/gatekeeper.ts";
import { Introductions } from "./connections/introductions.ts";
import { composeNode, type KlatchNode } from "./connections/libp2p-node.ts";
import { Membership } from "./connections/membership.ts";
import { Pulse } from "./connections/pulse.ts";
import { TrafficMeter } from "./connections/traffic-meter.ts";
import type { AdmissionDesk, FileLender } from "./contract.ts";
import { GREETING_PROTOCOL, Greetings } from "./greetings/greetings.ts";
import type { Identity } from "./keys/identity.ts";
import type { Listeners } from "./listeners.ts";
import { type Log, reasonOf } from "./log.ts";
import { Meetings } from "./meetings.ts";
import { PayloadFetcher } from "./payloads/payload-fetch.ts";
import { PAYLOAD_PROTOCOL } from "./payloads/payload-protocol.ts";
import { PayloadServer } from "./payloads/payload-server.ts";
import { PayloadStore } from "./payloads/payload-store.ts";
import { ANNOUNCEMENTS } from "./topics/gossip-options.ts";
import { GossipTopic } from "./topics/gossip-topic.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Peers remembered with their addresses. */
const MAX_KNOWN_PEERS = 2048;
/** Announcements judged before other work gets a turn. */
const JUDGED_AT_ONCE = 32;

/** What the exchange protocols of every version begin with. */
const EXCHANGE_FAMILY = EXCHANGE_PROTOCOL.replace(/\d+$/, "");
const versionOf = (protocol: string): string => protocol.slice(EXCHANGE_FAMILY.length);

export interface WiringParts {
  readonly config: NetworkConfig;
  readonly identity: Identity;
  readonly networkKey: Uint8Array | null;
  /** What others may make connections cost; what fits the configuration unless given. */
  readonly limits?: ConnectionLimits | undefined;
  readonly listeners: Listeners;
  /** Who answers those that want to be admitted to a run. */
  readonly admission: AdmissionDesk | null;
  /** What is given to members that ask. */
  readonly files: FileLender | null;
  /** Whether it is no node that works in the run, and goes without a goodbye in its name. */
  readonly visits: boolean;
  readonly log: Log;
  readonly now: () => Timestamp;
  readonly random: () => number;
}

interface BuiltParts extends WiringParts {
  readonly limits: ConnectionLimits;
  readonly gatekeeper: Gatekeeper;
}

/** The parts of one node's wire, connected with each other: who tells whom what. */
export class Wiring {
  readonly node: KlatchNode;
  readonly meter: TrafficMeter;
  readonly store: PayloadStore;
  readonly fetcher: PayloadFetcher;
  readonly door: AnnouncementDoor;
  readonly topic: GossipTopic;
  readonly exchange: Exchanges;
  readonly greetings: Greetings;
  readonly agreement: AgreementWiring;
  readonly admission: AdmissionWiring;
  /** Whom this node dials, where, and what came of it. */
  readonly plan: DialPlan;
  readonly #parts: BuiltParts;
  readonly #membership: Membership;
  readonly #dialer: Dialer;
  readonly #introductions: Introductions;
  readonly #server: PayloadServer;
  readonly #meetings: Meetings;
  readonly #pulse: Pulse;
  readonly #discipline: Discipline;
  readonly #ended = new AbortController();

  /** Makes the libp2p node and everything around it; nothing listens yet. */
  static async create(parts: WiringParts): Promise<Wiring> {
    const { config, listeners, log, now } = parts;
    const membership = new Membership(config.members, now);
    const limits = parts.limits ?? connectionLimits(config, membership.size);
    const meter = new TrafficMeter();
    const onRefused = (peer: PeerId, reason: Reason) =>
      listeners.refused(peer, { verdict: "reject", reason });
    const gatekeeper = new Gatekeeper({ membership, limits, log, now, onRefused });
    const node = await composeNode({ ...parts, gatekeeper, limits, metrics: meter.metrics() });
    const wiring = new Wiring({ ...parts, limits, gatekeeper }, node, membership, meter);
    gatekeeper.follow(node, (peer, cut) => wiring.#discipline.cut(peer, cut));
    node.addEventListener("connection:open", ({ detail }) => meter.attribute(detail));
    return wiring;
  }

  private constructor(
    parts: BuiltParts,
    node: KlatchNode,
    membership: Membership,
    meter: TrafficMeter,
  ) {
    const { config, listeners, log, now, random } = parts;
    this.#parts = parts;
    this.node = node;
    this.meter = meter;
    this.#membership = membership;
    const pace = { baseMs: config.redialBaseMs, maxMs: config.redialMaxMs, random };
    this.plan = new DialPlan(pace, MAX_KNOWN_PEERS);
    this.#dialer = new Dialer(node, this.plan, { ...config, now, log });
    this.#introductions = new Introductions({
      node,
      membership,
      now,
      plan: this.plan,
      self: parts.identity.peerId,
      peerExchange: config.peerExchange,
    });
    this.store = new PayloadStore(config.maxHeldBytes);
    const refuse = (peer: PeerId, until: Timestamp) => this.refuse(peer, until);
    this.#discipline = new Discipline({ ...parts, refuse });
    const { onRefused, onFlood, onMalformed } = this.#discipline;
    const { transferTurnMs } = parts.limits;
    this.#server = new PayloadServer(this.store, { ...config, transferTurnMs, log, onMalformed });
    const openStream = (protocol: string) => (peer: PeerId, signal: AbortSignal) =>
      this.#openStream(protocol, peer, signal);
    this.fetcher = new PayloadFetcher({
      ...config,
      random,
      openStream: openStream(PAYLOAD_PROTOCOL),
    });
    this.door = new AnnouncementDoor({
      membership,
      maxPayloadBytes: config.maxPayloadBytes,
      now,
      judge: (signed) => {
        assert(listeners.judge !== null);
        return listeners.judge(signed);
      },
      onRefused,
      onFlood,
    });
    const admit = this.door.admit.bind(this.door);
    this.topic = new GossipTopic(node.services.pubsub, ANNOUNCEMENTS, admit);
    const tell = (to: Connection) => this.#tell(to);
    const onMessage = (from: Connection, message: ExchangeMessage) => this.#hear(from, message);
    this.exchange = announcementExchange({ node, log, now, tell, onMessage, onMalformed });
    this.greetings = new Greetings({
      ...{ node, log, now, onMalformed },
      onGreeting: (from, greeting) => {
        this.#dialer.heard(from);
        listeners.greeting(from.remotePeer.toString(), greeting);
      },
      onLeft: (peer) => listeners.peer("left", peer),
    });
    const { exchange, greetings } = this;
    this.#meetings = new Meetings({ ...config, node, exchange, greetings, random, log });
    this.#pulse = new Pulse({ node, intervalMs: config.pingIntervalMs, log });
    const outside = { onRefused, onFlood, onMalformed, openStream };
    this.agreement = new AgreementWiring({ ...parts, ...outside, node });
    const { admission: desk } = parts;
    this.admission = new AdmissionWiring({ ...parts, ...outside, node, desk });
  }

  /** Ends when the network is stopped. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Serves, listens for events, and starts to connect. The node has been started. */
  async begin(): Promise<void> {
    const { config, now } = this.#parts;
    await this.node.handle(PAYLOAD_PROTOCOL, (s, c) => this.#server.handle(s, c), {
      maxInboundStreams: config.maxServesPerPeer + 8,
    });
    await this.node.handle(EXCHANGE_PROTOCOL, (s, c) => this.exchange.handle(s, c), {
      maxInboundStreams: 4,
    });
    await this.node.handle(GREETING_PROTOCOL, (s, c) => this.greetings.handle(s, c), {
      maxInboundStreams: 2,
    });
    this.#followPeers();
    this.topic.subscribe();
    await this.agreement.begin();
    await this.admission.begin();
    for (const text of config.bootstrap) {
      const parsed = parseAddress(text);
      assert("address" in parsed && parsed.peer !== null, "the configuration's schema let it pass");
      const { address, peer } = parsed;
      if (peer !== this.#parts.identity.peerId) this.plan.pin(peer, [address], now());
    }
    this.#dialer.wake();
    this.#meetings.schedule();
    this.#pulse.begin();
  }

  /** Ends every activity and closes every connection. */
  async end(): Promise<void> {
    const { gatekeeper, visits } = this.#parts;
    this.#ended.abort();
    this.#meetings.stop();
    // whoever has been told goodbye must not find this node there once more
    gatekeeper.close();
    await this.greetings.end({ farewell: !visits });
    this.#pulse.end();
    this.#server.stop();
    const { exchange, agreement, admission } = this;
    await Promise.all([this.#dialer.stop(), exchange.stop(), agreement.end(), admission.end()]);
    await this.node.stop();
  }

  /** Disconnects a peer and refuses it until then. */
  refuse(peer: PeerId, until: Timestamp): void {
    this.#membership.refuse(peer, until);
    // a ban for good needs no address any more
    if (until === Number.POSITIVE_INFINITY) this.plan.forget(peer);
    this.#hangUp(peer);
  }

  #hangUp(peer: PeerId): void {
    this.node.hangUp(peerIdFromString(peer)).catch((error: unknown) => {
      this.#parts.log.debug({ peer, reason: reasonOf(error) }, "could not hang up");
    });
  }

  /** From now on these are the members: who is none any more is disconnected. */
  admit(members: readonly PeerId[]): void {
    for (const peer of this.#membership.replace(members)) this.#hangUp(peer);
  }

  #followPeers(): void {
    const { listeners, now, log } = this.#parts;
    this.node.addEventListener("peer:connect", ({ detail }) => {
      const peer = detail.toString();
      this.plan.connected(peer, now());
      log.debug({ peer }, "connected");
      listeners.peer("connected", peer);
    });
    this.node.addEventListener("connection:open", ({ detail }) => this.#meetings.greet(detail));
    this.node.addEventListener("peer:disconnect", ({ detail }) => {
      const peer = detail.toString();
      this.#dialer.lost(peer);
      log.debug({ peer }, "disconnected");
      listeners.peer("disconnected", peer);
    });
    this.node.addEventListener("peer:identify", ({ detail }) => {
      const peer = detail.peerId.toString();
      this.#dialer.heard(detail.connection);
      this.#noteVersion(peer, detail.protocols);
      if (!this.admission.isOpen) this.#introductions.identified(detail);
    });
    this.topic.onSubscribed((peer) => this.#meetings.exchangeWith(peer));
  }

  /** Says of a peer whose Klatch speaks another protocol why nothing is heard of it. */
  #noteVersion(peer: PeerId, protocols: readonly string[]): void {
    if (protocols.includes(EXCHANGE_PROTOCOL)) return;
    const theirs = protocols.find((name) => name.startsWith(EXCHANGE_FAMILY));
    if (theirs === undefined) return;
    const { log, listeners } = this.#parts;
    const facts = { peer, theirs: versionOf(theirs), ours: versionOf(EXCHANGE_PROTOCOL) };
    log.warn(facts, "a peer speaks another version of the protocol: the older one must be updated");
    listeners.refused(peer, { verdict: "ignore", reason: "other-version" });
  }

  #tell(to: Connection): ExchangeMessage {
    const announcements = this.door.cache.current(this.#parts.now()).map(({ bytes }) => bytes);
    return { announcements, peers: this.#introductions.tell(to) };
  }

  async #hear(from: Connection, { announcements, peers }: ExchangeMessage): Promise<void> {
    for (const [index, bytes] of announcements.entries()) {
      if (index % JUDGED_AT_ONCE === JUDGED_AT_ONCE - 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await this.door.admit(bytes, { from: from.remotePeer.toString() });
    }
    this.#introductions.hear(from, peers);
    this.#dialer.wake();
  }

  async #openStream(protocol: string, peer: PeerId, signal: AbortSignal): Promise<Stream> {
    const connection = await unlessAborted(this.#dialer.connect(peer), signal);
    if (connection === null) throw new Error(`no address of ${peer} leads to it`);
    return connection.newStream(protocol, { signal });
  }
}
