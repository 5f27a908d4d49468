/** Requests of one address: so many at once, then so many in a second. */
const BURST = 2000;
const PER_SECOND = 500;
/** Addresses that are remembered; who was not heard for longest is forgotten first. */
const ADDRESSES_MAX = 1000;

/** How many requests each address may make. */
export class RequestAllowance {
  readonly #left = new Map<string, { readonly requests: number; readonly at: number }>();

  /**
   * Takes one request of an address; false when it has none left.
   *
   * @param now - milliseconds of any clock that only goes forward
   */
  take(address: string, now: number): boolean {
    const { requests, at } = this.#left.get(address) ?? { requests: BURST, at: now };
    const refilled = Math.min(BURST, requests + ((now - at) / 1000) * PER_SECOND);
    const isAllowed = refilled >= 1;
    // re-inserting keeps the map in order of last use
    this.#left.delete(address);
    this.#left.set(address, { requests: isAllowed ? refilled - 1 : refilled, at: now });
    const [oldest] = this.#left.keys();
    if (this.#left.size > ADDRESSES_MAX && oldest !== undefined) this.#left.delete(oldest);
    return isAllowed;
  }
}
