import assert from "node:assert/strict";
import {
  type AgreementMessage,
  type Announcement,
  type ChainBytes,
  digestOf,
  type FetchOutcome,
  type Network,
  type SignedAnnouncement,
  type WantedPayload,
} from "../../src/gossip/index.ts";
import type { PeerId, Reason } from "../../src/types.ts";

/** Networks of one kind that can reach one another, and the time that passes for them. */
export interface NetworkBench {
  /** The network of a new process of a peer, not started, which finds those that are up. One name is one peer. */
  create(name: string): Promise<Network>;
  /** The time that peers' clocks tell, ms. */
  now(): number;
  /** Lets time pass until the condition holds, or until waiting longer makes no sense. */
  until(condition: () => boolean): Promise<void>;
}

type Refused = { readonly from: PeerId } & Parameters<Parameters<Network["onRefused"]>[0]>[1];

/** A peer at the bench, and everything that its network told. */
export interface Guest {
  readonly network: Network;
  readonly id: PeerId;
  readonly heard: SignedAnnouncement[];
  readonly refused: Refused[];
  /** `connected` or `disconnected`, and whom. */
  readonly events: (readonly [string, PeerId])[];
  /** Statements and certificates. */
  readonly agreed: AgreementMessage[];
  /** What it gives of the current height to those who lack it. */
  readonly holds: Uint8Array[];
  /** Its final blocks, from height 0 on. */
  readonly chain: ChainBytes[];
}

/** Why an announcement is refused; null for those that are taken. */
type Judge = (announcement: Announcement) => Reason | null;

/** The peers of one case, and what it takes to wait for them. */
export class Gathering {
  readonly #bench: NetworkBench;
  readonly #networks: Network[] = [];
  #roster: readonly PeerId[] | null = null;

  constructor(bench: NetworkBench) {
    this.#bench = bench;
  }

  /** Starts a network and notes what it tells; waits until it is connected with these. */
  async join(name: string, others: readonly Guest[] = [], judge?: Judge): Promise<Guest> {
    const network = await this.#bench.create(name);
    this.#networks.push(network);
    const guest = noted(network, judge);
    const roster = this.#roster;
    network.agreementTerms(roster && { run: RUN, rosterAt: () => roster });
    await network.start();
    await this.until(
      () => others.every((other) => isConnected(guest, other) && isConnected(other, guest)),
      `${name} is connected with all`,
    );
    return guest;
  }

  /** A peer for each name, all connected. */
  async full<const Names extends readonly string[]>(
    ...names: Names
  ): Promise<{ [Key in keyof Names]: Guest }> {
    const guests: Guest[] = [];
    for (const name of names) guests.push(await this.join(name, guests));
    return guests as { [Key in keyof Names]: Guest };
  }

  /** From now on who joins is in mode `agreed`, with these members. */
  async agree(...names: readonly string[]): Promise<readonly PeerId[]> {
    const networks = await Promise.all(names.map((name) => this.#bench.create(name)));
    this.#roster = networks.map(({ peerId }) => peerId).sort();
    return this.#roster;
  }

  /** Waits until a condition holds, which it must. */
  async until(condition: () => boolean, what: string): Promise<void> {
    await this.#bench.until(condition);
    assert(condition(), `in vain: ${what}`);
  }

  /** What a promise comes to, while time passes. */
  async settled<T>(promise: Promise<T>, what: string): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.until(() => isSettled, what);
    return promise;
  }

  /** Fetches as one does who trusts what was announced. */
  fetch(
    client: Guest,
    server: Guest,
    payload: WantedPayload,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<FetchOutcome> {
    return client.network.fetch(server.id, payload, { signal });
  }

  /** An announcement of these bytes, less its author. */
  announcement(
    bytes: Uint8Array,
    change: Partial<Announcement> = {},
  ): Omit<Announcement, "author"> {
    const now = this.#bench.now();
    return {
      run: RUN,
      mode: "gossip",
      codec: 0,
      flags: 0,
      reference: "c".repeat(64),
      round: 0,
      sequence: 1,
      payload: digestOf(bytes),
      payloadBytes: bytes.length,
      examples: 10,
      issuedAt: now,
      expiresAt: now + HOUR_MS,
      ...change,
    };
  }

  /** An announcement that expired an hour ago. */
  expired(bytes: Uint8Array): Omit<Announcement, "author"> {
    const now = this.#bench.now();
    return this.announcement(bytes, { issuedAt: now - 2 * HOUR_MS, expiresAt: now - HOUR_MS });
  }

  async end(): Promise<void> {
    await Promise.all(this.#networks.map((network) => network.stop()));
  }
}

export function isConnected(guest: Guest, other: Guest): boolean {
  const last = guest.events.findLast(([, peer]) => peer === other.id)?.[0];
  const listed = guest.network.peers().some(({ peer }) => peer === other.id);
  return last === "connected" && listed;
}

/** Sequence numbers of what it heard of an author, in order. */
export function sequencesOf(guest: Guest, author: Guest): readonly number[] {
  return guest.heard
    .map(({ announcement }) => announcement)
    .filter((announcement) => announcement.author === author.id)
    .map(({ sequence }) => sequence)
    .sort((a, b) => a - b);
}

// --- internal ---

const HOUR_MS = 3_600_000;
/** What all peers of a case take part in. */
const RUN = "a".repeat(64);

function noted(network: Network, judge: Judge = () => null): Guest {
  const guest: Guest = {
    ...{ network, id: network.peerId, heard: [], refused: [], events: [] },
    ...{ agreed: [], holds: [], chain: [] },
  };
  network.ofRun(RUN);
  network.onAnnouncement((signed) => {
    const reason = judge(signed.announcement);
    if (reason !== null) return { verdict: "reject", reason };
    guest.heard.push(signed);
    return { verdict: "accept", value: undefined };
  });
  network.onAgreement((message) => {
    guest.agreed.push(message);
    return { verdict: "accept", value: undefined };
  });
  network.onTellAgreement(() => guest.holds);
  network.onTellChain((from, most) => guest.chain.slice(from, from + most));
  network.onRefused((from, refusal) => guest.refused.push({ from, ...refusal }));
  network.onPeer((event, peer) => guest.events.push([event, peer]));
  return guest;
}
