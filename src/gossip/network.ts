import assert from "node:assert/strict";
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import type { Digest, PeerId, Timestamp, Verdict } from "../types.ts";
import { signAnnouncement } from "./announcements/announcement.ts";
import type { NetworkConfig } from "./config.ts";
import type { ConnectionLimits } from "./connections/connection-limits.ts";
import { startNode } from "./connections/libp2p-node.ts";
import { connectedPeers } from "./connections/peer-list.ts";
import type {
  AdmissionDesk,
  AdmissionNetwork,
  AdmissionOutcome,
  AdmissionRequest,
  AgreementTerms,
  Announcement,
  ChainOutcome,
  ConnectedPeer,
  DialFailure,
  FetchOutcome,
  FileLender,
  FileOutcome,
  FileTarget,
  Network,
  SignedAnnouncement,
  SignedStatement,
  Statement,
  Traffic,
  WantedPayload,
} from "./contract.ts";
import type { Identity } from "./keys/identity.ts";
import { loadNetworkKey } from "./keys/network-key.ts";
import {
  type GreetingListener,
  Listeners,
  type PeerListener,
  type RefusalListener,
} from "./listeners.ts";
import { type Log, silentLog } from "./log.ts";
import { Wiring } from "./wiring.ts";

export interface NetworkOptions {
  /** The node's identity key. */
  readonly key: Ed25519PrivateKey;
  readonly log?: Log;
  /** Milliseconds since the epoch. */
  readonly now?: () => Timestamp;
  /** Uniform in [0, 1); jitter of pauses, not for secrets. */
  readonly random?: () => number;
  /** Whether it looks round under the identity of a node that may be running, and so goes without a goodbye. */
  readonly visits?: boolean;
  /** What others may make connections cost; what fits the configuration unless given. */
  readonly limits?: ConnectionLimits;
  /** Who answers those that want to be admitted to a run; nobody unless given. */
  readonly admission?: AdmissionDesk;
  /** What is given to members that ask; nothing unless given. */
  readonly files?: FileLender;
}

/**
 * The wire of one node, not started yet.
 *
 * @throws KlatchError `permission` when the network key file cannot be used.
 */
export async function createNetwork(
  config: NetworkConfig,
  options: NetworkOptions,
): Promise<Network & AdmissionNetwork> {
  const { key, log = silentLog, now = Date.now, random = Math.random, visits = false } = options;
  const { limits, admission = null, files = null } = options;
  const networkKey = config.networkKeyFile === null ? null : loadNetworkKey(config.networkKeyFile);
  const identity = { peerId: peerIdFromPrivateKey(key).toString(), key };
  const listeners = new Listeners();
  const from = { config, identity, networkKey, limits, admission, files };
  const parts = { ...from, visits, log, now, random, listeners };
  return new KlatchNetwork(await Wiring.create(parts), identity, config, listeners, log);
}

class KlatchNetwork implements Network, AdmissionNetwork {
  readonly #wiring: Wiring;
  readonly #identity: Identity;
  readonly #config: NetworkConfig;
  readonly #listeners: Listeners;
  readonly #log: Log;
  #stopping: Promise<void> | null = null;

  constructor(
    wiring: Wiring,
    identity: Identity,
    config: NetworkConfig,
    listeners: Listeners,
    log: Log,
  ) {
    this.#wiring = wiring;
    this.#identity = identity;
    this.#config = config;
    this.#listeners = listeners;
    this.#log = log;
  }

  get peerId(): PeerId {
    return this.#identity.peerId;
  }

  async start(signal?: AbortSignal): Promise<void> {
    assert(this.#listeners.judge !== null, "onAnnouncement comes before start");
    signal?.throwIfAborted();
    await startNode(this.#wiring.node, this.#config.listen);
    if (signal?.aborted) {
      await this.stop();
      signal.throwIfAborted();
    }
    await this.#wiring.begin();
    this.#log.info({ peerId: this.peerId, addresses: this.addresses() }, "listening");
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#wiring.end();
    return this.#stopping;
  }

  addresses(): readonly string[] {
    return this.#wiring.node.getMultiaddrs().map(String);
  }

  peers(): readonly ConnectedPeer[] {
    return connectedPeers(this.#wiring);
  }

  dialFailures(): ReadonlyMap<PeerId, DialFailure> {
    return this.#wiring.plan.failures();
  }

  soughtAt(peer: PeerId): string | null {
    return this.#wiring.plan.addressesOf(peer)?.first?.text ?? null;
  }

  traffic(): Traffic {
    return this.#wiring.meter.read();
  }

  async announce(
    announcement: Omit<Announcement, "author">,
  ): Promise<{ readonly signed: SignedAnnouncement; readonly recipients: number }> {
    const signed = await signAnnouncement(
      { ...announcement, author: this.peerId },
      this.#identity.key,
    );
    return { signed, recipients: await this.#publish(signed) };
  }

  ofRun(run: Digest): void {
    this.#wiring.door.run = run;
  }

  onAnnouncement(judge: (signed: SignedAnnouncement) => Verdict<void>): void {
    this.#listeners.judge = judge;
  }

  onRefused(listener: RefusalListener): void {
    this.#listeners.onRefused(listener);
  }

  onPeer(listener: PeerListener): void {
    this.#listeners.onPeer(listener);
  }

  greet(body: Uint8Array): void {
    this.#wiring.greetings.say(body);
  }

  onGreeting(listener: GreetingListener): void {
    this.#listeners.onGreeting(listener);
  }

  hold(payload: Digest, bytes: Uint8Array): void {
    this.#wiring.store.hold(payload, bytes);
  }

  open(payload: Digest, to?: readonly PeerId[]): void {
    this.#wiring.store.open(payload, to);
  }

  withdraw(payload: Digest): void {
    this.#wiring.store.withdraw(payload);
  }

  fetch(
    peer: PeerId,
    payload: WantedPayload,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<FetchOutcome> {
    return this.#wiring.fetcher.fetch(peer, payload, AbortSignal.any([signal, this.#wiring.ended]));
  }

  askAdmission(
    creator: PeerId,
    request: AdmissionRequest,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<AdmissionOutcome> {
    const until = AbortSignal.any([signal, this.#wiring.ended]);
    return this.#wiring.admission.ask(creator, request, until);
  }

  fetchFile(
    peer: PeerId,
    digest: Digest,
    target: FileTarget,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<FileOutcome> {
    const until = AbortSignal.any([signal, this.#wiring.ended]);
    return this.#wiring.admission.files.fetch(peer, digest, target, until);
  }

  ban(peer: PeerId): void {
    this.#log.warn({ peer }, "banned");
    this.#wiring.refuse(peer, Number.POSITIVE_INFINITY);
  }

  admit(members: readonly PeerId[]): void {
    this.#wiring.admit(members);
  }

  agreementTerms(terms: AgreementTerms | null): void {
    this.#wiring.agreement.agree(terms);
  }

  sign<S extends Statement>(statement: S): Promise<SignedStatement<S>> {
    return this.#wiring.agreement.sign(statement);
  }

  publish({ bytes }: { readonly bytes: Uint8Array }): Promise<number> {
    return this.#wiring.agreement.publish(bytes);
  }

  onAgreement(judge: NonNullable<Listeners["judgeAgreement"]>): void {
    this.#listeners.judgeAgreement = judge;
  }

  onKnownOfAgreement(known: Listeners["knownOfAgreement"]): void {
    this.#listeners.knownOfAgreement = known;
  }

  onTellAgreement(tell: Listeners["tellAgreement"]): void {
    this.#listeners.tellAgreement = tell;
  }

  exchangeAgreement(peer: PeerId): Promise<boolean> {
    return this.#wiring.agreement.exchange(peer);
  }

  onTellChain(tell: Listeners["tellChain"]): void {
    this.#listeners.tellChain = tell;
  }

  fetchChain(
    peer: PeerId,
    from: number,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<ChainOutcome> {
    return this.#wiring.agreement.fetchChain(peer, from, signal);
  }

  async #publish(signed: SignedAnnouncement): Promise<number> {
    this.#wiring.door.remember(signed);
    const recipients = await this.#wiring.topic.publish(signed.bytes);
    const { round, sequence } = signed.announcement;
    const peers = this.#wiring.node.getPeers().length;
    if (recipients.length === 0) {
      this.#log.warn(
        { round: round + 1, sequence, peers },
        "announced to nobody; who connects later is told",
      );
    }
    return recipients.length;
  }
}
