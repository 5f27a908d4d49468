import { CLOCK_TOLERANCE_MS, type Greeting, type Network } from "../../gossip/index.ts";
import type { PeerId } from "../../types.ts";
import type { Logger } from "../process/logger.ts";
import { type ClockOffset, certainOffset, measured, narrowed } from "./clock-offset.ts";
import { compare, type Mismatch } from "./mismatch.ts";
import { decodeSelf, encodeSelf, type SelfDescription } from "./self-description.ts";

/** What this node knows of a member from meeting it. */
export interface Acquaintance {
  /** Version of its klatch; null when it did not say. */
  readonly version: string | null;
  /** What keeps the two from mixing, in words; null when nothing does. */
  readonly barrier: string | null;
  readonly notes: readonly string[];
  /** How far its clock is ahead; null when that was not measured. */
  readonly clock: ClockOffset | null;
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
  clock: null,
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

/** Says to each member what this node is; what they say is to be handed to the acquaintances. */
export function acquaint(
  network: Pick<Network, "peerId" | "greet">,
  description: SelfDescription,
  log: Logger,
): Acquaintances {
  network.greet(encodeSelf(description));
  return new Acquaintances({ self: network.peerId, description, log });
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

  /**
   * Takes in what a member says; what is unlike is logged once. False of a visit, which says nothing of the member's
   * node.
   */
  hear(peer: PeerId, { body, clock }: Greeting): boolean {
    const theirs = this.#read(body);
    if (theirs?.visits === true) return false;
    const before = this.of(peer)?.clock ?? null;
    this.#known.set(peer, {
      version: theirs?.version ?? null,
      ...(theirs === null ? { barrier: untold(body), notes: [] } : this.#compare(theirs)),
      clock: clock === null ? before : narrowed(before, measured(clock)),
      hasLeft: false,
    });
    this.#say(peer);
    return true;
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

  /** A member is connected again; what it says will come, unless it ends the connection at once. */
  returned(peer: PeerId): void {
    const known = this.of(peer);
    if (known?.hasLeft === true) this.#known.set(peer, { ...known, hasLeft: false });
  }

  knocked(peer: PeerId): void {
    this.#strangers.delete(peer);
    this.#strangers.add(peer);
    const [oldest] = this.#strangers;
    if (this.#strangers.size > STRANGERS_MAX && oldest) this.#strangers.delete(oldest);
  }

  /** What is wrong with a member's clock, or with this node's; null when they agree. */
  clockTrouble({ clock }: Acquaintance): ClockTrouble | null {
    const offset = clock === null ? 0 : certainOffset(clock);
    if (Math.abs(offset) < CLOCK_WARNING_MS) return null;
    const way = offset > 0 ? "ahead of" : "behind";
    const apart = `its clock is ${span(Math.abs(offset))} ${way} this node's`;
    if (Math.abs(offset) < CLOCK_TOLERANCE_MS) return { words: apart, isBarrier: false };
    const words = `${apart}: beyond ${span(CLOCK_TOLERANCE_MS)} announcements are refused; set the clocks by NTP`;
    return { words, isBarrier: true };
  }

  // --- internal ---

  #read(body: Uint8Array | null): SelfDescription | null {
    if (body === null) return null;
    // nearly all members say the same, to the byte
    return Buffer.compare(body, this.#own) === 0 ? this.#options.description : decodeSelf(body);
  }

  #compare(theirs: SelfDescription): Mismatch {
    const { self, description } = this.#options;
    if (theirs === description) return { barrier: null, notes: [] };
    return compare(self, description, theirs);
  }

  #say(peer: PeerId): void {
    const text = this.troublesOf(peer).join("; ");
    if (this.#said.get(peer) === text) return;
    this.#said.set(peer, text);
    if (text !== "") this.#options.log.warn({ peer, what: text }, "a member is not like this node");
  }
}

// --- internal ---

/** Of a peer that says nothing that can be read. */
function untold(body: Uint8Array | null): string | null {
  if (body === null) return "is of an earlier version of klatch: update it";
  return body.byteLength === 0 ? null : "says of itself what this version cannot read";
}

function span(milliseconds: number): string {
  if (milliseconds < 2 * MINUTE) return `${Math.round(milliseconds / 1000)} s`;
  const minutes = Math.round(milliseconds / MINUTE);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
