import assert from "node:assert/strict";
import {
  asTold,
  type ChainOutcome,
  decodePage,
  digestOf,
  type FetchFailure,
  type FetchOutcome,
  inventoryBytes,
  type Network,
  type PageRequest,
  type WantedPayload,
} from "../../src/gossip/index.ts";
import type { Random } from "../../src/random.ts";
import type { PeerId } from "../../src/types.ts";
import { EPOCH, type Life } from "./life.ts";
import { Endpoint } from "./memory-endpoint.ts";
import type { VirtualTime } from "./virtual-time.ts";
import type { Parcel } from "./wire-of.ts";
import { ANNOUNCEMENT_BYTES, HEARTBEAT_MS, LATENCY_MS, TRANSFER_MS } from "./wire-times.ts";

/** How the simulated wire behaves. */
export interface WireConditions {
  readonly random: Random;
  /** Share of messages that come only with the next heartbeat. */
  readonly lossRate: number;
  /** Share of transfers that break off, and begin anew. */
  readonly brokenRate?: number;
  /** Whether two peers do not hear one another now. */
  readonly isCut: (a: PeerId, b: PeerId) => boolean;
}

/** Time until two peers that are up are connected, ms. */
const CONNECT_MS = 300;
/** How long a server lets a request for a payload that is not open yet wait, and how often that is looked at. */
const OPEN_WAIT_MS = 30_000;
const POLL_MS = 100;
/** After this time a transfer that has broken off is begun anew. */
const AGAIN_MS = 1000;

/** The wire between simulated peers: announcements reach all, payloads are pulled, both take virtual time. */
export class MemoryWire {
  readonly #time: VirtualTime;
  readonly #conditions: WireConditions;
  readonly #endpoints = new Map<PeerId, Endpoint>();

  constructor(time: VirtualTime, conditions: WireConditions) {
    this.#time = time;
    this.#conditions = conditions;
  }

  /** The network of one process of a peer; an earlier process of the same peer must be over. */
  join(peer: PeerId, life: Life): Network {
    const endpoint = new Endpoint(peer, life, this);
    assert(this.#endpoints.get(peer)?.isUp !== true, "one process of a peer at a time");
    this.#endpoints.set(peer, endpoint);
    return endpoint;
  }

  /** The peers' clocks. */
  get now(): number {
    return EPOCH + this.#time.now;
  }

  /** Peers that are up and reachable from one. */
  others(endpoint: Endpoint): readonly Endpoint[] {
    return [...this.#endpoints.values()].filter((other) => this.#areConnected(endpoint, other));
  }

  /** After a while a new process exchanges with everyone what both have heard. */
  connect(endpoint: Endpoint): void {
    this.#time.after(CONNECT_MS, () => {
      for (const other of this.others(endpoint)) {
        endpoint.link(other);
        this.#tell(other, endpoint, [...other.heard(), ...other.agreement.told()]);
        this.#tell(endpoint, other, [...endpoint.heard(), ...endpoint.agreement.told()]);
      }
    });
  }

  /** When a cut begins or ends: connections across it are lost, and who hears one another again meets anew. */
  regroup(): void {
    for (const endpoint of this.#endpoints.values()) {
      endpoint.keepLinks((other) => this.#areConnected(endpoint, other));
      this.connect(endpoint);
    }
  }

  /** Sends to everyone, each on a way of its own. */
  flood(from: Endpoint, parcel: Parcel): void {
    // what a member says goes straight, without what the other end knows
    const bytes = parcel instanceof Uint8Array ? asTold(parcel).byteLength : ANNOUNCEMENT_BYTES;
    const said = { parcel, bytes };
    for (const to of this.#endpoints.values()) if (to !== from) this.#send(from, to, said);
  }

  /** Two give each other what they hold of a height. */
  async exchange(endpoint: Endpoint, peer: PeerId): Promise<boolean> {
    await this.#pause(endpoint, this.#between(LATENCY_MS));
    const other = this.#reachable(endpoint, peer);
    if (other === null || other.agreement.terms === null) return false;
    const [ours, theirs] = [endpoint.agreement.told(), other.agreement.told()];
    count(endpoint, other, inventoryBytes(ours.length));
    count(other, endpoint, inventoryBytes(theirs.length));
    this.#tell(other, endpoint, theirs);
    this.#tell(endpoint, other, ours);
    return true;
  }

  async fetchChain(client: Endpoint, peer: PeerId, request: PageRequest): Promise<ChainOutcome> {
    await this.#pause(client, this.#between(LATENCY_MS));
    const page = this.#reachable(client, peer)?.agreement.page(request);
    if (page === undefined) return failed("unreachable");
    await this.#pause(client, this.#between(TRANSFER_MS));
    client.count("received", page.length);
    const entries = decodePage(page, request);
    return entries === null ? failed("malformed") : { ok: true, entries };
  }

  fetch(
    client: Endpoint,
    peer: PeerId,
    wanted: WantedPayload,
    signal: AbortSignal,
  ): Promise<FetchOutcome> {
    const { promise, resolve } = Promise.withResolvers<FetchOutcome>();
    const giveUpAt = this.#time.now + OPEN_WAIT_MS;
    const ask = (): void => {
      const server = this.#reachable(client, peer);
      const bytes = server?.payloads.served(wanted.digest, client.peerId) ?? null;
      if (signal.aborted) resolve(failed("timeout"));
      else if (server !== null && bytes !== null) {
        const arrive = () => resolve(arrival(server, client, bytes, wanted));
        if (this.#breaksOff()) this.later(client, AGAIN_MS, ask);
        else this.later(client, this.#between(TRANSFER_MS), arrive);
      } else if (this.#time.now >= giveUpAt) {
        resolve(failed(server === null ? "unreachable" : "missing"));
      } else this.later(client, POLL_MS, ask);
    };
    this.later(client, this.#between(LATENCY_MS), ask);
    return promise;
  }

  /** Goes on some milliseconds later, after all that happens in that instant; never for a process that is dead. */
  later({ life }: Endpoint, milliseconds: number, goOn: () => void): void {
    this.#time.after(milliseconds, () => life.run(() => queueMicrotask(goOn)));
  }

  // --- internal ---

  #areConnected(a: Endpoint, b: Endpoint): boolean {
    return (
      a !== b &&
      a.isUp &&
      b.isUp &&
      !a.banned.has(b.peerId) &&
      !b.banned.has(a.peerId) &&
      !this.#conditions.isCut(a.peerId, b.peerId)
    );
  }

  #reachable(client: Endpoint, peer: PeerId): Endpoint | null {
    const server = this.#endpoints.get(peer);
    return server !== undefined && this.#areConnected(client, server) ? server : null;
  }

  /** Draws for the wires alone that break: the others' histories stay as they are. */
  #breaksOff(): boolean {
    const { brokenRate = 0, random } = this.#conditions;
    return brokenRate > 0 && random() < brokenRate;
  }

  #between({ least, most }: { readonly least: number; readonly most: number }): number {
    return least + (most - least) * this.#conditions.random();
  }

  /** Resolves some milliseconds later; never for a process that is dead by then. */
  #pause({ life }: Endpoint, milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#time.after(milliseconds, () => life.run(resolve)));
  }

  #tell(from: Endpoint, to: Endpoint, parcels: readonly Parcel[]): void {
    for (const parcel of parcels) {
      const bytes = parcel instanceof Uint8Array ? parcel.byteLength : ANNOUNCEMENT_BYTES;
      this.#hand(from, to, { parcel, bytes });
    }
  }

  #send(from: Endpoint, to: Endpoint, said: Said): void {
    const isLost = this.#conditions.random() < this.#conditions.lossRate;
    this.#time.after(this.#between(LATENCY_MS), () => {
      if (!isLost && this.#areConnected(from, to)) this.#hand(from, to, said);
      else this.#again(from, to, said);
    });
  }

  /** Whoever is up hears it in the end; who is down is told when it connects. */
  #again(from: Endpoint, to: Endpoint, said: Said): void {
    if (!(from.isUp && to.isUp)) return;
    this.#time.after(HEARTBEAT_MS, () => this.#send(from, to, said));
  }

  #hand(from: Endpoint, to: Endpoint, { parcel, bytes }: Said): void {
    if (!to.isNews(parcel)) return;
    count(from, to, bytes);
    to.hear(from.peerId, parcel);
  }
}

// --- internal ---

/** Something said, and how many bytes it takes. */
interface Said {
  readonly parcel: Parcel;
  readonly bytes: number;
}

/** What comes over the wire of a payload: no more than was asked for, and a copy, for it is the receiver's own. */
function arrival(
  from: Endpoint,
  to: Endpoint,
  bytes: Uint8Array,
  wanted: WantedPayload,
): FetchOutcome {
  const arrived = bytes.slice(0, wanted.bytes);
  count(from, to, arrived.length);
  if (arrived.length < wanted.bytes && !wanted.isMost) return failed("malformed");
  return digestOf(arrived) === wanted.digest
    ? { ok: true, bytes: arrived }
    : failed("digest-mismatch");
}

function count(from: Endpoint, to: Endpoint, bytes: number): void {
  from.count("sent", bytes);
  to.count("received", bytes);
}

function failed(failure: FetchFailure) {
  return { ok: false, failure, detail: "simulated" } as const;
}
