import type { Digest, PeerId, Timestamp, Verdict } from "../../types.ts";
import { type BucketSize, TokenBuckets } from "../connections/token-bucket.ts";
import type { Refusal } from "../contract.ts";
import { digestOf } from "../payloads/digest.ts";

/** How a message came. */
export interface Arrival {
  /** The connected peer that handed it to us. */
  readonly from: PeerId;
  /** Whether it was said, by gossip or straight, and not had from an exchange. */
  readonly isSaid?: boolean;
}

/** What was found about a message. */
export interface Judged {
  readonly verdict: Verdict<void>;
  /** Null where nobody's signature holds. */
  readonly author: PeerId | null;
  /** Whether it is of no use though nobody did wrong: it is not reported. */
  readonly isSpare?: boolean;
}

export interface MessageDoorOptions {
  readonly maxBytes: number;
  /** Unknown messages of a peer that are looked at. */
  readonly ofRelayer: BucketSize;
  /** Messages whose verdict is remembered. */
  readonly maxRemembered: number;
  /** Whether gossip brings no message twice, so that whoever does so replays it. */
  readonly isSaidOnce: boolean;
  readonly now: () => Timestamp;
  /** Told as well how the same message was judged before, where it was not accepted. */
  readonly judge: (
    bytes: Uint8Array,
    arrival: Arrival,
    earlier: Verdict<void> | null,
  ) => Promise<Judged> | Judged;
  readonly onRefused: (from: PeerId, refusal: Refusal) => void;
  /** A peer hands on many times what all members together have to say. */
  readonly onFlood: (from: PeerId) => void;
}

interface Memory {
  verdict: Verdict<void>;
  isSaid: boolean;
}

/** Where messages enter, by gossip or by exchange: each is judged once, at a bounded pace, and refusals are reported. */
export class MessageDoor {
  readonly #options: MessageDoorOptions;
  readonly #ofRelayer: TokenBuckets;
  readonly #memories = new Map<Digest, Memory>();
  readonly #judging = new Map<Digest, Promise<Verdict<void>>>();

  constructor(options: MessageDoorOptions) {
    this.#options = options;
    this.#ofRelayer = new TokenBuckets(options.ofRelayer);
  }

  /** This node's own message: known when it comes back. */
  remember(bytes: Uint8Array): void {
    this.#memorize(digestOf(bytes), { verdict: ACCEPT, isSaid: true });
  }

  /** Judges one message. Takes any bytes; never throws. */
  async admit(bytes: Uint8Array, arrival: Arrival): Promise<Verdict<void>> {
    if (bytes.byteLength > this.#options.maxBytes) {
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
    const { now, onFlood, onRefused, judge } = this.#options;
    const memory = this.#memories.get(id);
    if (memory?.verdict.verdict === "accept") return this.#again(memory, arrival);
    if (!this.#ofRelayer.take(arrival.from, now())) {
      onFlood(arrival.from);
      return FLOOD;
    }
    const {
      verdict,
      author,
      isSpare = false,
    } = await judge(bytes, arrival, memory?.verdict ?? null);
    const isSaid = arrival.isSaid === true;
    this.#memorize(id, { verdict, isSaid });
    // an exchange brings again and again what this node ignored before: such a refusal is reported once
    const wasReported =
      !isSaid &&
      verdict.verdict === "ignore" &&
      memory?.verdict.verdict === "ignore" &&
      memory.verdict.reason === verdict.reason;
    if (verdict.verdict !== "accept" && !wasReported && !isSpare) {
      onRefused(arrival.from, author === null ? verdict : { ...verdict, author });
    }
    return verdict;
  }

  /** Accepted before. Gossip forgets messages after minutes: a second time by gossip is one too many. */
  #again(memory: Memory, { from, isSaid }: Arrival): Verdict<void> {
    if (isSaid !== true) return ACCEPT;
    if (!memory.isSaid) {
      memory.isSaid = true;
      return ACCEPT;
    }
    const refusal = { verdict: "ignore", reason: "replay" } as const;
    if (this.#options.isSaidOnce) this.#options.onRefused(from, refusal);
    return refusal;
  }

  #memorize(id: Digest, memory: Memory): void {
    this.#memories.delete(id);
    this.#memories.set(id, memory);
    const oldest = this.#memories.keys().next().value;
    const isFull = this.#memories.size > this.#options.maxRemembered;
    if (isFull && oldest !== undefined) this.#memories.delete(oldest);
  }
}

// --- internal ---

const ACCEPT: Verdict<void> = { verdict: "accept", value: undefined };
const FLOOD: Verdict<void> = { verdict: "ignore", reason: "flood" };
