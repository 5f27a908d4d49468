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

/** A waiting requester hears from us this often, so that it can tell waiting from a dead connection. */
const BEAT_MS = 2000;

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
  readonly #serving = new Map<PeerId, number>();
  readonly #ended = new AbortController();
  #total = 0;

  constructor(store: PayloadStore, options: PayloadServerOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Handles one incoming stream, from its first request to its end. */
  async handle(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const serving = this.#serving.get(peer) ?? 0;
    const { maxServes, maxServesPerPeer, log } = this.#options;
    const busy = this.#total >= maxServes || serving >= maxServesPerPeer;
    if (!busy) this.#count(peer, +1);
    const gone = new AbortController();
    const abort = () => gone.abort();
    stream.addEventListener("close", abort);
    this.#ended.signal.addEventListener("abort", abort);
    try {
      const wire = new Wire(stream, gone.signal);
      if (busy) await this.#answer(wire, "busy");
      else await this.#serve(wire, peer, gone.signal);
      await stream.close({ signal: AbortSignal.timeout(this.#options.stallMs) });
    } catch (error) {
      log.debug({ peer, reason: reasonOf(error) }, "a transfer to a peer ended early");
      stream.abort(error instanceof Error ? error : new Error(reasonOf(error)));
    } finally {
      stream.removeEventListener("close", abort);
      this.#ended.signal.removeEventListener("abort", abort);
      if (!busy) this.#count(peer, -1);
    }
  }

  stop(): void {
    this.#ended.abort();
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
      await this.#respond(wire, request, gone);
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

  async #respond(wire: Wire, request: ChunkRequest, gone: AbortSignal): Promise<void> {
    const payload = await this.#waitFor(wire, request, gone);
    if (payload === null) return this.#answer(wire, "missing");
    if (request.offset >= payload.byteLength) return this.#answer(wire, "range");
    const chunk = payload.subarray(request.offset, request.offset + request.length);
    await this.#answer(wire, "data", chunk);
  }

  /** The payload once it is open; null when that did not happen in time. */
  async #waitFor(
    wire: Wire,
    { payload }: ChunkRequest,
    gone: AbortSignal,
  ): Promise<Uint8Array | null> {
    const { openWaitMs, unknownWaitMs } = this.#options;
    const started = performance.now();
    while (!gone.aborted) {
      const found = this.#store.look(payload);
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

  #count(peer: PeerId, change: 1 | -1): void {
    this.#total += change;
    const serving = (this.#serving.get(peer) ?? 0) + change;
    if (serving === 0) this.#serving.delete(peer);
    else this.#serving.set(peer, serving);
  }
}
