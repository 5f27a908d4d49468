import type { Digest, PeerId, Reason, Timestamp, Verdict } from "../../types.ts";
import type { Membership } from "../connections/membership.ts";
import type { SignedAnnouncement } from "../contract.ts";
import { digestOf } from "../payloads/digest.ts";
import { MAX_ANNOUNCEMENT_BYTES, parseAnnouncement } from "./announcement.ts";
import { AnnouncementCache } from "./announcement-cache.ts";

/** Announcements whose verdict is remembered. */
const MAX_REMEMBERED = 4096;

export type Judge = (signed: SignedAnnouncement) => Verdict<void>;
export interface Refusal {
  readonly verdict: "ignore" | "reject";
  readonly reason: Reason;
}

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
}

/** Every announcement enters here, by gossip or by exchange: checked, judged, counted, and kept for others. */
export class AnnouncementDoor {
  readonly cache = new AnnouncementCache();
  readonly #options: DoorOptions;
  readonly #memories = new Map<Digest, Memory>();
  readonly #judging = new Map<Digest, Promise<Verdict<void>>>();

  constructor(options: DoorOptions) {
    this.#options = options;
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
    const verdict = await this.#judge(bytes, arrival);
    const byGossip = arrival.publisher !== undefined;
    this.#memorize(id, { verdict, byGossip });
    // an exchange brings what we ignored before again and again: said once
    const said =
      !byGossip &&
      verdict.verdict === "ignore" &&
      memory?.verdict.verdict === "ignore" &&
      memory.verdict.reason === verdict.reason;
    if (verdict.verdict !== "accept" && !said) this.#options.onRefused(arrival.from, verdict);
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

  async #judge(bytes: Uint8Array, { publisher }: Arrival): Promise<Verdict<void>> {
    const { now, maxPayloadBytes, membership, judge } = this.#options;
    const parsed = await parseAnnouncement(bytes, { now: now(), maxPayloadBytes });
    if (parsed.verdict !== "accept") return parsed;
    const { author } = parsed.value.announcement;
    if (!membership.isMember(author)) return { verdict: "reject", reason: "not-member" };
    // a ban is this node's own opinion: whoever forwards the banned author's message is not at fault
    if (!membership.admits(author)) return { verdict: "ignore", reason: "not-member" };
    if (publisher !== undefined && publisher !== author) {
      return { verdict: "reject", reason: "wrong-author" };
    }
    const verdict = judge(parsed.value);
    if (verdict.verdict === "accept") this.cache.add(parsed.value);
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
