import type { PeerId } from "../../types.ts";
import type { Address } from "./address.ts";
import { isWithin, type Range } from "./address-range.ts";

/** Addresses of one peer that are tried and were not written by the operator. */
export const MAX_LEARNT = 4;
/** How many of those are the peer's own words as long as others say something else. */
const MAX_OWN_FIRST = 2;
/** What one other peer may say of it, so that no two tellers fill all places. */
const MAX_OF_TELLER = 2;
/** Other peers that are listened to. */
const MAX_TELLERS = 8;

/** An address that a peer told, and over how near a connection. */
export interface Heard {
  readonly address: Address;
  readonly over: Range;
}

/**
 * Where one peer may be: what the operator wrote, what the peer said of itself over a connection that proves its key,
 * and what others said of it. They are kept apart, so that no telling takes the place of a better one.
 */
export class KnownAddresses {
  #operator: readonly Address[] = [];
  #own: readonly Heard[] = [];
  /** By teller, whoever is heard next first. */
  readonly #hearsay = new Map<PeerId, readonly Heard[]>();
  /** Where this node reached it last. */
  #reached: Heard | null = null;

  /** The operator's: dialled before everything else, and for good. */
  get operator(): readonly Address[] {
    return this.#operator;
  }

  pin(addresses: readonly Address[]): void {
    this.#operator = distinct([...this.#operator, ...addresses]);
  }

  /** The peer's own words; the newest replace the older ones. Those from too far away are left out. */
  say(addresses: readonly Address[], over: Range): void {
    const said = heard(addresses, over).slice(0, MAX_LEARNT);
    if (said.length > 0) this.#own = said;
  }

  /** What another peer said of it. */
  report(teller: PeerId, addresses: readonly Address[], over: Range): void {
    const said = heard(addresses, over).slice(0, MAX_OF_TELLER);
    // a known teller keeps its turn: whoever repeats itself is not heard sooner
    if (said.length === 0) return;
    const isFull = this.#hearsay.size >= MAX_TELLERS && !this.#hearsay.has(teller);
    const last = [...this.#hearsay.keys()].at(-1);
    if (isFull && last !== undefined) this.#hearsay.delete(last);
    this.#hearsay.set(teller, said);
  }

  /** Those to try after the operator's, the likeliest first: at most {@link MAX_LEARNT}. */
  get learnt(): readonly Heard[] {
    const pinned = new Set(this.#operator.map(({ text }) => text));
    const candidates = [
      ...(this.#reached === null ? [] : [this.#reached]),
      ...this.#own.slice(0, MAX_OWN_FIRST),
      ...this.#reports(),
      ...this.#own.slice(MAX_OWN_FIRST),
    ];
    const byText = new Map<string, Heard>();
    for (const candidate of candidates) {
      const { text } = candidate.address;
      if (!pinned.has(text) && !byText.has(text)) byText.set(text, candidate);
    }
    return [...byText.values()].slice(0, MAX_LEARNT);
  }

  /** What other peers may be told of it: never what somebody else said, which nobody has proved. */
  get forOthers(): readonly Address[] {
    return distinct([...this.#own.map(({ address }) => address), ...this.#operator]);
  }

  /** The first to try; null when there is none. */
  get first(): Address | null {
    return this.#operator[0] ?? this.learnt[0]?.address ?? null;
  }

  get isEmpty(): boolean {
    return this.#operator.length + this.#own.length + this.#hearsay.size === 0;
  }

  /** The peer, known by its key, answered at this address. */
  reached(at: Heard): void {
    this.#reached = at;
  }

  /** None of them led to the peer: the next attempt hears other tellers. */
  failed(): void {
    this.#reached = null;
    const [first] = this.#hearsay;
    if (first === undefined) return;
    this.#hearsay.delete(first[0]);
    this.#hearsay.set(...first);
  }

  /** One address of each teller, then the second ones. */
  #reports(): readonly Heard[] {
    const reports = [...this.#hearsay.values()];
    return Array.from({ length: MAX_OF_TELLER }, (_, index) => index).flatMap((index) =>
      reports.flatMap((report) => report.slice(index, index + 1)),
    );
  }
}

// --- internal ---

function heard(addresses: readonly Address[], over: Range): readonly Heard[] {
  return addresses
    .filter((address) => isWithin(address, over))
    .map((address) => ({ address, over }));
}

function distinct(addresses: readonly Address[]): readonly Address[] {
  return [...new Map(addresses.map((address) => [address.text, address])).values()];
}
