import type { PeerId, Timestamp } from "../../types.ts";
import type { DialFailure } from "../contract.ts";
import type { Address, PeerAddresses } from "./address.ts";
import type { Range } from "./address-range.ts";
import { SILENT } from "./dial-reason.ts";
import { type Heard, KnownAddresses } from "./known-addresses.ts";

/** A connection that lasted this long was a good one: the next pause starts from the base again. */
const GOOD_CONNECTION_MS = 10_000;
/** What an address answered is told this long while it is silent: a busy machine is silent for seconds. */
const ANSWER_HOLDS_MS = 60_000;

export interface Pace {
  readonly baseMs: number;
  readonly maxMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Peers that the operator named, and those that this node heard of: dialled in places of their own. */
export type Origin = "operator" | "learnt";

/** Addresses of a peer, who told them, and over how near a connection. */
export interface Telling extends PeerAddresses {
  readonly teller: PeerId;
  readonly over: Range;
}

interface Entry {
  readonly addresses: KnownAddresses;
  failures: number;
  failure: DialFailure | null;
  due: Timestamp;
  state: "idle" | "dialling" | "connected";
  connectedAt: Timestamp;
}

/**
 * Exponential back-off with jitter: between half of and the whole of min(max, base * 2^failures). The jitter keeps
 * peers that started at the same moment from dialling at the same moment for ever.
 */
export function backOffMs(failures: number, { baseMs, maxMs, random }: Pace): number {
  const whole = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30));
  return whole * (0.5 + random() / 2);
}

/**
 * Whom to dial when. Holds no timer and no socket: time comes in as an argument. libp2p has had no dialler of its own
 * since version 2, so every connection that is to exist is in here.
 */
export class DialPlan {
  readonly #entries = new Map<PeerId, Entry>();
  readonly #pace: Pace;
  readonly #capacity: number;

  constructor(pace: Pace, capacity: number) {
    this.#pace = pace;
    this.#capacity = capacity;
  }

  /** Remembers where the operator says a peer is: for good, and before whatever is learnt of it. */
  pin(peer: PeerId, addresses: readonly Address[], now: Timestamp): void {
    const entry = this.#entries.get(peer) ?? this.#add(peer, new KnownAddresses(), now, 0);
    entry.addresses.pin(addresses);
  }

  /**
   * Remembers what was told of a peer; a new one is dialled within one base pause. `patient` waits ten of them first:
   * when two peers learn of each other at the same time, one of them dials and the other is dialled.
   */
  learn(telling: Telling, now: Timestamp, { patient = false }: { patient?: boolean } = {}): void {
    const { peer, teller, addresses, over } = telling;
    const known = this.#entries.get(peer)?.addresses ?? new KnownAddresses();
    if (teller === peer) known.say(addresses, over);
    else known.report(teller, addresses, over);
    if (this.#entries.has(peer) || known.isEmpty) return;
    if (this.#entries.size < this.#capacity || this.#makeRoom()) {
      this.#add(peer, known, now, patient ? 10 : 0);
    }
  }

  /** Peers whose time has come, at most `limit`, longest overdue first; they count as being dialled from now on. */
  take(origin: Origin, now: Timestamp, limit: number): readonly PeerId[] {
    const due = this.#idle(origin)
      .filter(([, entry]) => entry.due <= now)
      .sort(([, a], [, b]) => a.due - b.due)
      .slice(0, Math.max(0, limit));
    for (const [, entry] of due) entry.state = "dialling";
    return due.map(([peer]) => peer);
  }

  connected(peer: PeerId, now: Timestamp): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined || entry.state === "connected") return;
    entry.state = "connected";
    entry.connectedAt = now;
  }

  /** The peer has said something over a connection: before that it may drop this node, which it knows by then. */
  heard(peer: PeerId): void {
    const entry = this.#entries.get(peer);
    if (entry !== undefined) entry.failure = null;
  }

  /** The connection is gone, or the attempt failed: try again after a pause that doubles. */
  lost(peer: PeerId, now: Timestamp): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    // a peer that admits and drops us at once must not be dialled at the shortest pause for ever
    const good = entry.state === "connected" && now - entry.connectedAt >= GOOD_CONNECTION_MS;
    if (good) entry.failures = 0;
    entry.state = "idle";
    entry.due = now + backOffMs(entry.failures, this.#pace);
    entry.failures += 1;
  }

  /** The peer, known by its key, answered at an address that was told. */
  reached(peer: PeerId, at: Heard): void {
    this.#entries.get(peer)?.addresses.reached(at);
  }

  /** None of its addresses led to the peer. */
  failed(peer: PeerId, failure: DialFailure): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    if (!isSilenceAfterAnswer(failure, entry.failure)) entry.failure = failure;
    entry.addresses.failed();
  }

  forget(peer: PeerId): void {
    this.#entries.delete(peer);
  }

  addressesOf(peer: PeerId): KnownAddresses | undefined {
    return this.#entries.get(peer)?.addresses;
  }

  /** When the next peer is due; null when nobody is waiting. */
  nextDue(origin: Origin): Timestamp | null {
    const times = this.#idle(origin).map(([, { due }]) => due);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Every peer with the addresses that others may be told of. */
  book(): readonly PeerAddresses[] {
    return [...this.#entries]
      .map(([peer, { addresses }]) => ({ peer, addresses: addresses.forOthers }))
      .filter(({ addresses }) => addresses.length > 0);
  }

  /** How the last attempt at each peer failed that has not been heard since. */
  failures(): ReadonlyMap<PeerId, DialFailure> {
    const failed = [...this.#entries].flatMap(([peer, { failure }]) =>
      failure === null ? [] : [[peer, failure] as const],
    );
    return new Map(failed);
  }

  #add(peer: PeerId, addresses: KnownAddresses, now: Timestamp, pauses: number): Entry {
    const entry: Entry = {
      addresses,
      failures: 0,
      failure: null,
      due: now + (this.#pace.random() + pauses) * this.#pace.baseMs,
      state: "idle",
      connectedAt: 0,
    };
    this.#entries.set(peer, entry);
    return entry;
  }

  #idle(origin: Origin): readonly (readonly [PeerId, Entry])[] {
    return [...this.#entries].filter(
      ([, { state, addresses }]) => state === "idle" && originOf(addresses) === origin,
    );
  }

  /** Gives up the learnt peer that failed most. */
  #makeRoom(): boolean {
    const worst = [...this.#idle("learnt")].sort(([, a], [, b]) => b.failures - a.failures)[0];
    return worst !== undefined && this.#entries.delete(worst[0]);
  }
}

// --- internal ---

/** Whether an attempt was silent shortly after one at the same address that said why: the answer says more. */
function isSilenceAfterAnswer({ address, reason, at }: DialFailure, before: DialFailure | null) {
  if (before === null || reason !== SILENT) return false;
  return before.address === address && at - before.at < ANSWER_HOLDS_MS;
}

function originOf({ operator }: KnownAddresses): Origin {
  return operator.length > 0 ? "operator" : "learnt";
}
