import type { Digest, PeerId, Timestamp, Verdict } from "../../types.ts";
import type { Membership } from "../connections/membership.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { Refusal, SignedAnnouncement } from "../contract.ts";
import { type Arrival, type Judged, MessageDoor } from "../topics/message-door.ts";
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
  /** The run whose announcements are taken; null takes none. */
  run: Digest | null = null;
  readonly cache = new AnnouncementCache();
  readonly #options: DoorOptions;
  readonly #ofAuthor = new TokenBuckets(OF_AUTHOR);
  readonly #door: MessageDoor;

  constructor(options: DoorOptions) {
    this.#options = options;
    const burst = Math.max(LEAST_AT_ONCE, ROUNDS_AT_ONCE * options.membership.size);
    this.#door = new MessageDoor({
      ...options,
      maxBytes: MAX_ANNOUNCEMENT_BYTES,
      maxRemembered: MAX_REMEMBERED,
      isSaidOnce: true,
      ofRelayer: { burst, refillMs: OF_RELAYER_MS },
      judge: (bytes) => this.#judge(bytes),
    });
  }

  /** This node's own announcement: kept for others, and known when it comes back. */
  remember(own: SignedAnnouncement): void {
    this.cache.add(own);
    this.#door.remember(own.bytes);
  }

  /** Judges one message. Takes any bytes; never throws. */
  admit(bytes: Uint8Array, arrival: Arrival): Promise<Verdict<void>> {
    return this.#door.admit(bytes, arrival);
  }

  async #judge(bytes: Uint8Array): Promise<Judged> {
    const { now, maxPayloadBytes } = this.#options;
    const bounds = { run: this.run, now: now(), maxPayloadBytes };
    const parsed = await parseAnnouncement(bytes, bounds);
    if (parsed.verdict !== "accept") return { verdict: parsed, author: null };
    const { author } = parsed.value.announcement;
    return { verdict: this.#judgeSigned(parsed.value), author };
  }

  #judgeSigned(signed: SignedAnnouncement): Verdict<void> {
    const { membership, judge, now } = this.#options;
    const { author } = signed.announcement;
    // whom a node takes for a member is its own: whoever forwards another's message is not at fault
    if (!membership.admits(author)) return { verdict: "ignore", reason: "not-member" };
    if (!this.#ofAuthor.take(author, now())) return { verdict: "ignore", reason: "flood" };
    const verdict = judge(signed);
    if (verdict.verdict === "accept") this.cache.add(signed);
    return verdict;
  }
}
