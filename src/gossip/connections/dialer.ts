import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import type { Connection, Libp2p } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import type { PeerId, Timestamp } from "../../types.ts";
import type { DialFailure } from "../contract.ts";
import type { Log } from "../log.ts";
import { unlessAborted } from "../unless-aborted.ts";
import type { Address } from "./address.ts";
import type { Range } from "./address-range.ts";
import type { DialPlan, Origin } from "./dial-plan.ts";
import { DROPPED, dialReason } from "./dial-reason.ts";
import { type Lookups, numbersOf, systemLookups } from "./name-lookup.ts";
import { TokenBuckets } from "./token-bucket.ts";

/** Peers dialled at a time: so many that the operator named, and as many others, so that these never wait for those. */
const MAX_PARALLEL_DIALS = 8;
const ORIGINS: readonly Origin[] = ["operator", "learnt"];
/** The plan is looked at no more often than this. */
const LEAST_PAUSE_MS = 20;
/** Why a peer cannot be reached is said aloud once in this time, for every reason, however often it is tried. */
const SAID = { burst: 1, refillMs: 60 * 60_000 };

/** An address to try; `over` is null for what the operator wrote. */
interface Candidate {
  readonly address: Address;
  readonly over: Range | null;
}

export interface DialerOptions {
  readonly dialTimeoutMs: number;
  readonly maxPeers: number;
  readonly now: () => Timestamp;
  readonly log: Log;
  readonly lookups?: Lookups;
}

/** Carries out a {@link DialPlan}: keeps this node connected with everybody whose address it knows. */
export class Dialer {
  readonly #node: Pick<Libp2p, "dial" | "getConnections" | "getPeers">;
  readonly #plan: DialPlan;
  readonly #options: DialerOptions;
  readonly #ended = new AbortController();
  readonly #said = new TokenBuckets(SAID);
  readonly #attempts = new Map<PeerId, Promise<Connection | null>>();
  readonly #dials = { operator: new Set<Promise<void>>(), learnt: new Set<Promise<void>>() };
  /** Where this node opened connections over which nothing has been heard yet. */
  readonly #opened = new Map<PeerId, string>();
  readonly #heard = new WeakSet<Connection>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    node: Pick<Libp2p, "dial" | "getConnections" | "getPeers">,
    plan: DialPlan,
    options: DialerOptions,
  ) {
    this.#node = node;
    this.#plan = plan;
    this.#options = options;
  }

  /** To be called after the plan changed: dials who is due and sets the timer for the next one. */
  wake(): void {
    if (this.#ended.signal.aborted) return;
    clearTimeout(this.#timer);
    const { now } = this.#options;
    const times = ORIGINS.flatMap((origin) => this.#dialDue(origin) ?? []);
    if (times.length === 0) return;
    const due = Math.min(...times);
    this.#timer = setTimeout(() => this.wake(), Math.max(LEAST_PAUSE_MS, due - now()));
  }

  /**
   * The open connection to a peer, or the outcome of one attempt at all its addresses; null when none leads there.
   * Never rejects. Whoever asks while an attempt is under way gets the outcome of that one.
   */
  connect(peer: PeerId): Promise<Connection | null> {
    const running = this.#attempts.get(peer);
    if (running !== undefined) return running;
    const attempt = this.#attempt(peer).finally(() => this.#attempts.delete(peer));
    this.#attempts.set(peer, attempt);
    return attempt;
  }

  /** The other side has said something over a connection: it means to keep it. */
  heard(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    this.#heard.add(connection);
    this.#opened.delete(peer);
    this.#plan.heard(peer);
  }

  /** The last connection with a peer is gone. */
  lost(peer: PeerId): void {
    const at = this.#options.now();
    const address = this.#opened.get(peer);
    this.#opened.delete(peer);
    this.#plan.lost(peer, at);
    const isKnown = this.#plan.addressesOf(peer) !== undefined;
    if (isKnown && address !== undefined) this.#failed(peer, { address, reason: DROPPED, at });
    this.wake();
  }

  /** The connection to a peer that is open now. */
  connectionTo(peer: PeerId): Connection | null {
    const connections = this.#node.getConnections(peerIdFromString(peer));
    return connections.find(({ status }) => status === "open") ?? null;
  }

  /** Ends every attempt; resolves when none is left. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ended.abort();
    await Promise.all([...this.#attempts.values(), ...ORIGINS.flatMap((o) => [...this.#dials[o]])]);
  }

  /** Dials who is due; returns when the next one is, null when nobody is or there is no room. */
  #dialDue(origin: Origin): Timestamp | null {
    const { now, maxPeers } = this.#options;
    const dials = this.#dials[origin];
    const dialling = this.#dials.operator.size + this.#dials.learnt.size;
    const room = maxPeers - this.#node.getPeers().length - dialling;
    const turns = Math.min(room, MAX_PARALLEL_DIALS - dials.size);
    for (const peer of this.#plan.take(origin, now(), turns)) {
      const dial = this.#keep(peer).finally(() => {
        dials.delete(dial);
        this.wake();
      });
      dials.add(dial);
    }
    // without room the next disconnect or finished dial wakes the dialler
    return turns <= 0 ? null : this.#plan.nextDue(origin);
  }

  async #keep(peer: PeerId): Promise<void> {
    await this.connect(peer);
    // it may have been lost again by now, or have dialled this node itself
    const isConnected = this.connectionTo(peer) !== null;
    if (isConnected) this.#plan.connected(peer, this.#options.now());
    else this.#plan.lost(peer, this.#options.now());
  }

  /**
   * The operator's addresses first and by themselves, then what was told: whatever that is, it costs the operator's
   * neither their turn nor their time, and takes no longer than they do.
   */
  async #attempt(peer: PeerId): Promise<Connection | null> {
    const open = this.connectionTo(peer);
    const known = this.#plan.addressesOf(peer);
    if (open !== null || known === undefined) return open;
    const operator = known.operator.map((address) => ({ address, over: null }));
    const first = await this.#tryEach(peer, operator);
    if ("connection" in first) return first.connection;
    const second = await this.#tryEach(peer, known.learnt);
    if ("connection" in second) return second.connection;
    if (this.#ended.signal.aborted || this.connectionTo(peer) !== null) return null;
    // the operator can mend what the operator wrote
    const failure = first.failure ?? second.failure;
    if (failure !== null) this.#failed(peer, failure);
    return null;
  }

  /** Tries one address after the other, each in an equal share of the time for an attempt. */
  async #tryEach(
    peer: PeerId,
    candidates: readonly Candidate[],
  ): Promise<{ connection: Connection } | { failure: DialFailure | null }> {
    const { dialTimeoutMs, now, log } = this.#options;
    let failure: DialFailure | null = null;
    for (const candidate of candidates) {
      if (this.#ended.signal.aborted) break;
      try {
        const connection = await this.#dial(peer, candidate, dialTimeoutMs / candidates.length);
        this.#reached(peer, candidate, connection);
        return { connection };
      } catch (error) {
        failure = { address: candidate.address.text, reason: dialReason(error), at: now() };
        log.debug({ peer, ...failure }, "an address did not answer");
      }
    }
    return { failure };
  }

  /** Dials the numbers of one address, until one of them is the peer. */
  async #dial(peer: PeerId, { address, over }: Candidate, shareMs: number): Promise<Connection> {
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(Math.ceil(shareMs))]);
    const lookups = this.#options.lookups ?? systemLookups;
    const numbers = await unlessAborted(numbersOf(address, over, { lookups, signal }), signal);
    let failure: unknown = null;
    for (const { text } of numbers) {
      const share = AbortSignal.timeout(Math.ceil(shareMs / numbers.length));
      try {
        // with the peer id at its end, so that nobody else can answer in the peer's place
        const target = multiaddr(`${text}/p2p/${peer}`);
        return await this.#node.dial(target, { signal: AbortSignal.any([signal, share]) });
      } catch (error) {
        failure = error;
        // libp2p joins a dial to the one before as long as that is in its queue, for some moments after it failed
        await turn();
      }
    }
    assert(failure !== null);
    throw failure;
  }

  /** Remembers where the peer answered; it may have dialled this node in the meantime, which says nothing. */
  #reached(peer: PeerId, { address, over }: Candidate, connection: Connection): void {
    const { direction, status } = connection;
    if (direction !== "outbound" || status !== "open") return;
    if (over !== null) this.#plan.reached(peer, { address, over });
    if (!this.#heard.has(connection)) this.#opened.set(peer, address.text);
  }

  #failed(peer: PeerId, failure: DialFailure): void {
    const { log, now } = this.#options;
    this.#plan.failed(peer, failure);
    const { address, reason } = failure;
    const level = this.#said.take(`${peer} ${reason}`, now()) ? "info" : "debug";
    log[level]({ peer, address, reason }, "could not connect");
  }
}
