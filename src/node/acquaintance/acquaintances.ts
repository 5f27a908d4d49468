import { CLOCK_TOLERANCE_MS, type Greeting, type Network } from "../../gossip/index.ts";
import type { PeerId } from "../../types.ts";
import type { Logger } from "../process/logger.ts";
import { compare, type Mismatch } from "./mismatch.ts";
import { decodeSelf, encodeSelf, type SelfDescription } from "./self-description.ts";

/** What this node knows of a member from meeting it. */
export interface Acquaintance {
  /** Version of its klatch; null when it did not say. */
  readonly version: string | null;
  /** What keeps the two from mixing, in words; null when nothing does. */
  readonly barrier: string | null;
  readonly notes: readonly string[];
  /** How far its clock is ahead, milliseconds; null when that was not measured. */
  readonly clockOffsetMs: number | null;
  /** Whether it has said goodbye since. */
  readonly hasLeft: boolean;
}

/** A clock that is far from this node's. */
export interface ClockTrouble {
  readonly words: string;
  /** Whether it keeps the two from mixing. */
  readonly isBarrier: boolean;
}

const STRANGER: Acquaintance = {
  version: null,
  barrier: null,
  notes: [],
  clockOffsetMs: null,
  hasLeft: false,
};

/** Clocks that are apart by less are not worth a word. */
const CLOCK_WARNING_MS = 5000;
/** Strangers that are remembered, the last ones. */
const STRANGERS_MAX = 16;
const MINUTE = 60_000;

export interface AcquaintancesOptions {
  readonly self: PeerId;
  readonly description: SelfDescription;
  readonly log: Logger;
}

/** Says to each member what this node is, and keeps what they say. */
export function acquaint(
  network: Pick<Network, "peerId" | "greet" | "onGreeting">,
  description: SelfDescription,
  log: Logger,
): Acquaintances {
  network.greet(encodeSelf(description));
  const acquaintances = new Acquaintances({ self: network.peerId, description, log });
  network.onGreeting((peer, greeting) => acquaintances.hear(peer, greeting));
  return acquaintances;
}

/** Everybody that this node has met, and what they have not alike. */
export class Acquaintances {
  readonly #options: AcquaintancesOptions;
  /** What this node says. */
  readonly #own: Uint8Array;
  readonly #known = new Map<PeerId, Acquaintance>();
  readonly #strangers = new Set<PeerId>();
  readonly #said = new Map<PeerId, string>();

  constructor(options: AcquaintancesOptions) {
    this.#options = options;
    this.#own = encodeSelf(options.description);
  }

  of(peer: PeerId): Acquaintance | null {
    return this.#known.get(peer) ?? null;
  }

  /** Who knocked and is no member, the last ones. */
  get strangers(): readonly PeerId[] {
    return [...this.#strangers];
  }

  /** Takes in what a member says when it connects; what is unlike is logged once. */
  hear(peer: PeerId, { body, clock }: Greeting): void {
    const { version, ...mismatch } = this.#compare(body);
    const before = this.of(peer) ?? STRANGER;
    const clockOffsetMs = clock === null ? before.clockOffsetMs : certainOffset(clock);
    const now = { version, ...mismatch, clockOffsetMs, hasLeft: false };
    this.#known.set(peer, now);
    this.#say(peer);
  }

  /** What a member has not like this node, in words. */
  troublesOf(peer: PeerId): readonly string[] {
    const known = this.of(peer);
    if (known === null) return [];
    const { barrier, notes } = known;
    const clock = this.clockTrouble(known);
    return [...(barrier === null ? [] : [barrier]), ...notes, ...(clock ? [clock.words] : [])];
  }

  left(peer: PeerId): void {
    this.#known.set(peer, { ...(this.of(peer) ?? STRANGER), hasLeft: true });
    this.#options.log.info({ peer }, "a member has stopped, and said so");
  }

  knocked(peer: PeerId): void {
    this.#strangers.delete(peer);
    this.#strangers.add(peer);
    const [oldest] = this.#strangers;
    if (this.#strangers.size > STRANGERS_MAX && oldest) this.#strangers.delete(oldest);
  }

  /** What is wrong with a member's clock, or with this node's; null when they agree. */
  clockTrouble({ clockOffsetMs }: Acquaintance): ClockTrouble | null {
    if (clockOffsetMs === null || Math.abs(clockOffsetMs) < CLOCK_WARNING_MS) return null;
    const way = clockOffsetMs > 0 ? "ahead of" : "behind";
    const apart = `its clock is ${span(Math.abs(clockOffsetMs))} ${way} this node's`;
    if (Math.abs(clockOffsetMs) < CLOCK_TOLERANCE_MS) return { words: apart, isBarrier: false };
    const words = `${apart}: beyond ${span(CLOCK_TOLERANCE_MS)} announcements are refused; set the clocks by NTP`;
    return { words, isBarrier: true };
  }

  // --- internal ---

  #compare(body: Uint8Array | null): Mismatch & Pick<Acquaintance, "version"> {
    const { self, description } = this.#options;
    // nearly all members say the same, to the byte
    if (body !== null && Buffer.compare(body, this.#own) === 0) {
      return { version: description.version, barrier: null, notes: [] };
    }
    const theirs = body === null ? null : decodeSelf(body);
    if (theirs === null) return { version: null, barrier: untold(body), notes: [] };
    return { version: theirs.version, ...compare(self, description, theirs) };
  }

  #say(peer: PeerId): void {
    const text = this.troublesOf(peer).join("; ");
    if (text === "" || this.#said.get(peer) === text) return;
    this.#said.set(peer, text);
    this.#options.log.warn({ peer, what: text }, "a member is not like this node");
  }
}

// --- internal ---

/** Of a peer that says nothing that can be read. */
function untold(body: Uint8Array | null): string | null {
  if (body === null) return "is of an earlier version of klatch: update it";
  return body.byteLength === 0 ? null : "says of itself what this version cannot read";
}

/** How far a clock is off at the least, as it took a while to ask. */
function certainOffset({ offsetMs, tookMs }: NonNullable<Greeting["clock"]>): number {
  return Math.sign(offsetMs) * Math.max(0, Math.abs(offsetMs) - tookMs / 2);
}

function span(milliseconds: number): string {
  if (milliseconds < 2 * MINUTE) return `${Math.round(milliseconds / 1000)} s`;
  const minutes = Math.round(milliseconds / MINUTE);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
