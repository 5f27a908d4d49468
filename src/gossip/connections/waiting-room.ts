export interface RoomSize {
  /** Guests from one host. */
  readonly maxPerHost: number;
  readonly maxGuests: number;
  /** How long a guest may say nothing. */
  readonly silenceMs: number;
  /** How long a guest may wait. */
  readonly stayMs: number;
}

export interface WaitingRoomOptions<Guest> {
  readonly size: RoomSize;
  /** The guest has been sent away: it is in the room no more. */
  readonly onSentAway: (guest: Guest, host: string, why: string) => void;
}

interface Stay {
  readonly host: string;
  /** Bytes that the guest has said. */
  said: number;
  /** Whether the event loop has had the time to read what came with the guest. */
  settled: boolean;
  /** Ticks since the guest said something, and since it is here. */
  silent: number;
  stayed: number;
}

const TICK_MS = 100;

/**
 * Where connections wait until it is known whose they are. Whoever says nothing is sent away soon. When the room is
 * full, whoever has said least makes room for who comes: a room that strangers can fill is one before which members stand.
 */
export class WaitingRoom<Guest> {
  readonly #guests = new Map<Guest, Stay>();
  readonly #options: WaitingRoomOptions<Guest>;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WaitingRoomOptions<Guest>) {
    this.#options = options;
  }

  /** A guest comes in; false when there is no room for it. */
  enter(guest: Guest, host: string): boolean {
    if (!this.#makeRoom(host)) return false;
    const stay = { host, said: 0, settled: false, silent: 0, stayed: 0 };
    this.#guests.set(guest, stay);
    // hundreds may come in one turn of the event loop: what they say is read in the next
    setImmediate(() => setImmediate(() => Object.assign(stay, { settled: true })));
    // ticks of this loop instead of times: what a busy loop has not read yet is no silence
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    return true;
  }

  /** The guest has said so many bytes more; how many that makes. */
  heard(guest: Guest, bytes: number): number {
    const stay = this.#guests.get(guest);
    if (stay === undefined) return 0;
    stay.silent = 0;
    stay.said += bytes;
    return stay.said;
  }

  /** It is known whose the connection is, or it is closed. */
  leave(guest: Guest): void {
    this.#guests.delete(guest);
    if (this.#guests.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  sendAway(guest: Guest, why: string): void {
    const host = this.#guests.get(guest)?.host;
    if (host === undefined) return;
    this.leave(guest);
    this.#options.onSentAway(guest, host, why);
  }

  sendAllAway(why: string): void {
    for (const guest of [...this.#guests.keys()]) this.sendAway(guest, why);
  }

  #tick(): void {
    const { silenceMs, stayMs } = this.#options.size;
    for (const [guest, stay] of [...this.#guests]) {
      stay.silent += 1;
      stay.stayed += 1;
      if (stay.silent * TICK_MS >= silenceMs) this.sendAway(guest, "said nothing");
      else if (stay.stayed * TICK_MS >= stayMs) this.sendAway(guest, "took too long");
    }
  }

  /** Sends the guest away that has said least, of those the one that is here longest; false when nobody can be. */
  #makeRoom(host: string): boolean {
    const { maxPerHost, maxGuests } = this.#options.size;
    const neighbours = [...this.#guests].filter(([, stay]) => stay.host === host);
    const isCrowded = neighbours.length >= maxPerHost;
    const isFull = this.#guests.size >= maxGuests;
    if (!isCrowded && !isFull) return true;
    let least: readonly [Guest, Stay] | undefined;
    for (const each of isCrowded ? neighbours : this.#guests) {
      if (each[1].settled && each[1].said < (least?.[1].said ?? Infinity)) least = each;
    }
    if (least !== undefined) this.sendAway(least[0], "made room for another");
    return least !== undefined || !isFull;
  }
}
