import type { Digest, PeerId, Timestamp, Verdict } from "../../types.ts";
import type { Membership } from "../connections/membership.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { Refusal, SignedAnnouncement } from "../contract.ts";
import { digestOf } from "../payloads/digest.ts";
import { MAX_ANNOUNCEMENT_BYTES, parseAnnouncement } from "./announcement.ts";
import { AnnouncementCache } from "./announcement-cache.ts";

/** Announcements whose verdict is remembered. */
const MAX_REMEMBERED = 4096;
/** An author speaks once a round, and again after a restart. */
const OF_AUTHOR = { burst: 16, refillMs: 500 };
/** Unknown messages of a peer that are looked at: at once, in rounds of the whole membership, and then in a second. */
const ROUNDS_AT_ONCE = 4;
const LEAST_AT_ONCE = 256;
const OF_RELAYER_MS = 5;

export type Judge = (signed: SignedAnnouncement) => Verdict<void>;
/** How a message came: gossip names its publisher; an exchange with a peer does not. */
export interface Arrival {
  /** The connected peer that handed it to us. */
  readonly from: PeerId;
  /** Who published it, where gossip says so. */
  readonly publisher?: PeerId;
}

interface Memory {
  verdict: Verdict<void>;
  byGossip: boolean;
}

export interface DoorOptions {
  readonly membership: Membership;
  readonly maxPayloadBytes: number;
  readonly now: () => Timestamp;
  readonly judge: Judge;
  readonly onRefused: (from: PeerId, refusal: Refusal) => void;
  /** A peer hands on many times what all members together have to say. */
  readonly onFlood: (from: PeerId) => void;
}

/** Every announcement enters here, by gossip or by exchange: checked, judged, counted, and kept for others. */
export class AnnouncementDoor {
  readonly cache = new AnnouncementCache();
  readonly #options: DoorOptions;
  readonly #ofAuthor = new TokenBuckets(OF_AUTHOR);
  readonly #ofRelayer: TokenBuckets;
  readonly #memories = new Map<Digest, Memory>();
  readonly #judging = new Map<Digest, Promise<Verdict<void>>>();

  constructor(options: DoorOptions) {
    this.#options = options;
    const burst = Math.max(LEAST_AT_ONCE, ROUNDS_AT_ONCE * options.membership.size);
    this.#ofRelayer = new TokenBuckets({ burst, refillMs: OF_RELAYER_MS });
  }

  /** This node's own announcement: kept for others, and known when it comes back. */
  remember(own: SignedAnnouncement): void {
    this.cache.add(own);
    this.#memorize(digestOf(own.bytes), { verdict: ACCEPT, byGossip: true });
  }

  /** Judges one message. Takes any bytes; never throws. */
  async admit(bytes: Uint8Array, arrival: Arrival): Promise<Verdict<void>> {
    if (bytes.byteLength > MAX_ANNOUNCEMENT_BYTES) {
      const refusal = { verdict: "reject", reason: "too-large" } as const;
      this.#options.onRefused(arrival.from, refusal);
      return refusal;
    }
    const id = digestOf(bytes);
    // the same message often comes from two sides at once: it is judged once
    const earlier = this.#judging.get(id) ?? Promise.resolve();
    const admission = earlier.then(() => this.#admitInTurn(id, bytes, arrival));
    this.#judging.set(id, admission);
    const verdict = await admission;
    if (this.#judging.get(id) === admission) this.#judging.delete(id);
    return verdict;
  }

  async #admitInTurn(id: Digest, bytes: Uint8Array, arrival: Arrival): Promise<Verdict<void>> {
    const memory = this.#memories.get(id);
    if (memory?.verdict.verdict === "accept") return this.#again(memory, arrival);
    if (!this.#ofRelayer.take(arrival.from, this.#options.now())) {
      this.#options.onFlood(arrival.from);
      return FLOOD;
    }
    const { verdict, author } = await this.#judge(bytes, arrival);
    const byGossip = arrival.publisher !== undefined;
    this.#memorize(id, { verdict, byGossip });
    // an exchange brings again and again what this node ignored before: such a refusal is reported once
    const wasReported =
      !byGossip &&
      verdict.verdict === "ignore" &&
      memory?.verdict.verdict === "ignore" &&
      memory.verdict.reason === verdict.reason;
    if (verdict.verdict !== "accept" && !wasReported) {
      this.#options.onRefused(arrival.from, author === null ? verdict : { ...verdict, author });
    }
    return verdict;
  }

  /** Accepted before. Gossip forgets messages after minutes, so a second time by gossip is a replay. */
  #again(memory: Memory, { from, publisher }: Arrival): Verdict<void> {
    if (publisher === undefined) return ACCEPT;
    if (!memory.byGossip) {
      memory.byGossip = true;
      return ACCEPT;
    }
    const refusal = { verdict: "ignore", reason: "replay" } as const;
    this.#options.onRefused(from, refusal);
    return refusal;
  }

  async #judge(bytes: Uint8Array, { publisher }: Arrival): Promise<Judged> {
    const { now, maxPayloadBytes } = this.#options;
    const parsed = await parseAnnouncement(bytes, { now: now(), maxPayloadBytes });
    if (parsed.verdict !== "accept") return { verdict: parsed, author: null };
    const { author } = parsed.value.announcement;
    return { verdict: this.#judgeSigned(parsed.value, publisher), author };
  }

  #judgeSigned(signed: SignedAnnouncement, publisher: PeerId | undefined): Verdict<void> {
    const { membership, judge, now } = this.#options;
    const { author } = signed.announcement;
    // whom a node takes for a member is its own: whoever forwards another's message is not at fault
    if (!membership.admits(author)) return { verdict: "ignore", reason: "not-member" };
    if (publisher !== undefined && publisher !== author) {
      return { verdict: "reject", reason: "wrong-author" };
    }
    if (!this.#ofAuthor.take(author, now())) return FLOOD;
    const verdict = judge(signed);
    if (verdict.verdict === "accept") this.cache.add(signed);
    return verdict;
  }

  #memorize(id: Digest, memory: Memory): void {
    this.#memories.delete(id);
    this.#memories.set(id, memory);
    const oldest = this.#memories.keys().next().value;
    if (this.#memories.size > MAX_REMEMBERED && oldest !== undefined) this.#memories.delete(oldest);
  }
}

const ACCEPT: Verdict<void> = { verdict: "accept", value: undefined };
const FLOOD: Verdict<void> = { verdict: "ignore", reason: "flood" };

interface Judged {
  readonly verdict: Verdict<void>;
  /** Null where nobody's signature holds. */
  readonly author: PeerId | null;
}
