import { once } from "node:events";
import type { Connection, Stream } from "@libp2p/interface";
import type { PeerId } from "../../types.ts";
import { type Log, reasonOf } from "../log.ts";
import {
  type ChunkRequest,
  decodeRequest,
  encodeHeader,
  REQUEST_BYTES,
  type Status,
} from "./payload-protocol.ts";
import type { PayloadStore } from "./payload-store.ts";
import { Wire } from "./payload-wire.ts";
import { Tally } from "./tally.ts";

/** A waiting requester hears from us this often, so that it can tell waiting from a dead connection. */
const BEAT_MS = 2000;
/** Streams of one peer beyond those that are served: told to come again, and given a second to hear it. */
const MAX_REFUSED = 8;
const REFUSAL_MS = 1000;

export interface PayloadServerOptions {
  readonly maxServes: number;
  readonly maxServesPerPeer: number;
  readonly openWaitMs: number;
  readonly unknownWaitMs: number;
  readonly stallMs: number;
  readonly log: Log;
  /** A peer sent something that is no request. */
  readonly onMalformed: (peer: PeerId) => void;
}

/** Answers others' requests for chunks, within limits on how many, how long and how much. */
export class PayloadServer {
  readonly #store: PayloadStore;
  readonly #options: PayloadServerOptions;
  readonly #serving = new Tally();
  readonly #refusing = new Tally();
  readonly #ended = new AbortController();

  constructor(store: PayloadStore, options: PayloadServerOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Handles one incoming stream, from its first request to its end. */
  async handle(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const { maxServes, maxServesPerPeer } = this.#options;
    const isFree = this.#serving.total < maxServes && this.#serving.of(peer) < maxServesPerPeer;
    if (isFree) {
      await this.#serving.during(peer, () => this.#admit(stream, peer));
    } else if (this.#refusing.of(peer) < MAX_REFUSED) {
      await this.#refusing.during(peer, () => this.#refuse(stream));
    } else {
      stream.abort(new Error("too many transfers"));
    }
  }

  stop(): void {
    this.#ended.abort();
  }

  async #admit(stream: Stream, peer: PeerId): Promise<void> {
    const { stallMs, log } = this.#options;
    const gone = new AbortController();
    const abort = () => gone.abort();
    stream.addEventListener("close", abort);
    this.#ended.signal.addEventListener("abort", abort);
    try {
      await this.#serve(new Wire(stream, gone.signal), peer, gone.signal);
      await stream.close({ signal: AbortSignal.timeout(stallMs) });
    } catch (error) {
      log.debug({ peer, reason: reasonOf(error) }, "a transfer to a peer ended early");
      stream.abort(error instanceof Error ? error : new Error(reasonOf(error)));
    } finally {
      stream.removeEventListener("close", abort);
      this.#ended.signal.removeEventListener("abort", abort);
    }
  }

  /** Says `busy` and ends both halves of the stream: on a half that is left open, whatever comes is kept. */
  async #refuse(stream: Stream): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(REFUSAL_MS), this.#ended.signal]);
    try {
      await stream.closeRead({ signal });
      const closed = once(stream, "close", { signal });
      stream.send(encodeHeader({ status: "busy", length: 0 }));
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
    const chunk = payload.subarray(request.offset, request.offset + request.length);
    await this.#answer(wire, "data", chunk);
  }

  /** The payload once it is open to the peer; null when that did not happen in time. */
  async #waitFor(
    wire: Wire,
    peer: PeerId,
    { payload }: ChunkRequest,
    gone: AbortSignal,
  ): Promise<Uint8Array | null> {
    const { openWaitMs, unknownWaitMs } = this.#options;
    const started = performance.now();
    while (!gone.aborted) {
      const found = this.#store.look(payload, peer);
      if (found instanceof Uint8Array) return found;
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
