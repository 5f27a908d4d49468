import { once } from "node:events";
import type { Connection, Stream } from "@libp2p/interface";
import type { Digest, PeerId } from "../../types.ts";
import type { GivenFile } from "../contract.ts";
import { type Log, reasonOf } from "../log.ts";
import { unlessAborted } from "../unless-aborted.ts";
import {
  type ChunkRequest,
  decodeRequest,
  encodeHeader,
  REQUEST_BYTES,
  type Status,
} from "./payload-protocol.ts";
import { Wire } from "./payload-wire.ts";
import { Tally } from "./tally.ts";
import { type Slot, TransferSlots } from "./transfer-slots.ts";

/** A waiting requester hears from us this often, so that it can tell waiting from a dead connection. */
const BEAT_MS = 2000;
/** Streams of one peer beyond those that are served: told to come again, and given a second to hear it. */
const MAX_REFUSED = 8;
const REFUSAL_MS = 1000;

/** What is served: bytes by digest, to whom they are open. */
export interface ChunkStore {
  /** What may be served to a peer now, or whether it is worth waiting. */
  look(payload: Digest, peer: PeerId): Uint8Array | GivenFile | "closed" | "unknown";
  /** Resolves when something about it changed, or after `waitMs`, or when the signal aborts. */
  change(payload: Digest, waitMs: number, signal: AbortSignal): Promise<void>;
}

export interface PayloadServerOptions {
  readonly maxServes: number;
  readonly maxServesPerPeer: number;
  /** How long a peer keeps its only transfer while others that have none come. */
  readonly transferTurnMs: number;
  readonly openWaitMs: number;
  readonly unknownWaitMs: number;
  readonly stallMs: number;
  readonly log: Log;
  /** A peer sent something that is no request. */
  readonly onMalformed: (peer: PeerId) => void;
}

/** Answers others' requests for chunks, within limits on how many, how long and how much. */
export class PayloadServer {
  readonly #store: ChunkStore;
  readonly #options: PayloadServerOptions;
  readonly #slots: TransferSlots;
  readonly #refusing = new Tally();
  readonly #ended = new AbortController();

  constructor(store: ChunkStore, options: PayloadServerOptions) {
    this.#store = store;
    this.#options = options;
    const { maxServes: total, maxServesPerPeer: perPeer, transferTurnMs: turnMs } = options;
    this.#slots = new TransferSlots({ total, perPeer, turnMs });
  }

  /** Handles one incoming stream, from its first request to its end. */
  async handle(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const slot = this.#slots.take(peer, performance.now());
    if (slot === null) return this.turnAway(stream, peer, "busy");
    this.#options.log.debug({ peer, transfers: this.#slots.taken }, "a transfer begins");
    await this.#admit(stream, slot);
    this.#slots.release(slot);
  }

  /** Says why nothing is served on a stream, to a peer that hears it, and ends it. */
  async turnAway(stream: Stream, peer: PeerId, status: "busy" | "missing"): Promise<void> {
    if (this.#refusing.of(peer) < MAX_REFUSED) {
      await this.#refusing.during(peer, () => this.#refuse(stream, status));
    } else {
      stream.abort(new Error("too many transfers"));
    }
  }

  /** Whether a transfer to a peer is under way. */
  isServing(peer: PeerId): boolean {
    return this.#slots.has(peer);
  }

  stop(): void {
    this.#ended.abort();
  }

  /** Serves a stream until its end, or until it has to make room. */
  async #admit(stream: Stream, { peer, signal }: Slot): Promise<void> {
    const { stallMs, log } = this.#options;
    const closed = new AbortController();
    const abort = () => closed.abort();
    stream.addEventListener("close", abort);
    const gone = AbortSignal.any([closed.signal, signal, this.#ended.signal]);
    try {
      await this.#serve(new Wire(stream, gone), peer, gone);
      await stream.close({ signal: AbortSignal.timeout(stallMs) });
    } catch (error) {
      log.debug({ peer, reason: reasonOf(error) }, "a transfer to a peer ended early");
      stream.abort(error instanceof Error ? error : new Error(reasonOf(error)));
    } finally {
      stream.removeEventListener("close", abort);
    }
  }

  /** Says so and ends both halves of the stream: on a half that is left open, whatever comes is kept. */
  async #refuse(stream: Stream, status: "busy" | "missing"): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(REFUSAL_MS), this.#ended.signal]);
    try {
      await stream.closeRead({ signal });
      const closed = once(stream, "close", { signal });
      stream.send(encodeHeader({ status, length: 0 }));
      await Promise.all([stream.close({ signal }), closed]);
    } catch {
      // the requester did not close its half, or was gone already
      stream.abort(new Error("too many transfers"));
    }
  }

  async #serve(wire: Wire, peer: PeerId, gone: AbortSignal): Promise<void> {
    while (!gone.aborted) {
      const bytes = await this.#nextRequest(wire, gone);
      if (bytes === null) return;
      const request = decodeRequest(bytes);
      if (request === null) {
        this.#options.onMalformed(peer);
        throw new Error("the peer sent something that is no request");
      }
      await this.#respond(wire, peer, request, gone);
    }
  }

  async #nextRequest(wire: Wire, gone: AbortSignal): Promise<Uint8Array | null> {
    const idle = AbortSignal.timeout(this.#options.stallMs);
    try {
      return await wire.receive(REQUEST_BYTES, AbortSignal.any([idle, gone]));
    } catch (error) {
      // the requester closed its end: it has what it wanted
      if (error instanceof Error && error.name === "UnexpectedEOFError") return null;
      throw error;
    }
  }

  async #respond(
    wire: Wire,
    peer: PeerId,
    request: ChunkRequest,
    gone: AbortSignal,
  ): Promise<void> {
    const payload = await this.#waitFor(wire, peer, request, gone);
    if (payload === null) return this.#answer(wire, "missing");
    if (request.offset >= payload.byteLength) return this.#answer(wire, "range");
    // a disk that does not answer must not keep the slot of a peer that has left
    const chunk = await unlessAborted(partOf(payload, request), gone);
    await (chunk === null ? this.#answer(wire, "missing") : this.#answer(wire, "data", chunk));
  }

  /** The payload once it is open to the peer; null when that did not happen in time. */
  async #waitFor(
    wire: Wire,
    peer: PeerId,
    { payload }: ChunkRequest,
    gone: AbortSignal,
  ): Promise<Uint8Array | GivenFile | null> {
    const { openWaitMs, unknownWaitMs } = this.#options;
    const started = performance.now();
    while (!gone.aborted) {
      const found = this.#store.look(payload, peer);
      if (typeof found !== "string") return found;
      const waitMs = found === "closed" ? openWaitMs : unknownWaitMs;
      const left = started + waitMs - performance.now();
      if (left <= 0) return null;
      await this.#answer(wire, "wait");
      await this.#store.change(payload, Math.min(left, BEAT_MS), gone);
    }
    throw new Error("the requester left");
  }

  async #answer(wire: Wire, status: Status, data?: Uint8Array): Promise<void> {
    await wire.send(encodeHeader({ status, length: data?.byteLength ?? 0 }));
    if (data !== undefined) await wire.send(data);
  }
}

// --- internal ---

/** The bytes of a request, as many as there are from its offset on; null where they cannot be had any more. */
async function partOf(
  found: Uint8Array | GivenFile,
  { offset, length }: ChunkRequest,
): Promise<Uint8Array | null> {
  const end = Math.min(offset + length, found.byteLength);
  return found instanceof Uint8Array
    ? found.subarray(offset, end)
    : await found.read(offset, end - offset);
}
