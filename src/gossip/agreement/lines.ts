import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { KlatchError } from "../../errors.ts";
import type { Digest, PeerId, Reason, Verdict } from "../../types.ts";
import type { Wire } from "../connections/conversation.ts";
import { drained } from "../connections/drained.ts";
import type { Refusal } from "../contract.ts";
import { type Log, reasonOf } from "../log.ts";
import { bytesToDigest, DIGEST_BYTES, digestToBytes } from "../payloads/digest.ts";
import type { Arrival } from "../topics/message-door.ts";
import { MAX_AGREEMENT_BYTES } from "./parse.ts";
import { asMeant, asTold } from "./told.ts";

/**
 * What a member says goes from it straight to each other member, on a stream that stays open and begins with the run: what
 * is said is signed already, and everybody is told by who says it.
 */
export const STATEMENTS = "/klatch/statements/1";

/** Bytes that wait for a slow member; what exceeds that comes by exchange. */
const MAX_WAITING_BYTES = 2 * MAX_AGREEMENT_BYTES;
const TIMEOUT_MS = 60_000;
/** Messages judged before other work gets a turn. */
const JUDGED_AT_ONCE = 32;

export interface LinesOptions {
  readonly node: Libp2p;
  readonly log: Log;
  readonly run: () => Digest;
  /** Judges one message. */
  readonly admit: (bytes: Uint8Array, arrival: Arrival) => Promise<Verdict<void>>;
  readonly onRefused: (from: PeerId, refusal: Refusal) => void;
  /** A peer that speaks this as well is connected. */
  readonly onMet: (peer: PeerId) => void;
}

/** Speaks {@link STATEMENTS} with every connected peer that does, on both ends. */
export class Lines {
  readonly #options: LinesOptions;
  readonly #lines = new Map<PeerId, Line>();
  readonly #ended = new AbortController();
  #registration: string | null = null;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  /** The node has been started. */
  async begin(): Promise<void> {
    const { node, log, run, onMet } = this.#options;
    await node.handle(STATEMENTS, (stream, connection) => this.#hear(stream, connection), {
      maxInboundStreams: 2,
    });
    this.#registration = await node.register(STATEMENTS, {
      onConnect: (peerId) => {
        const peer = peerId.toString();
        if (this.#lines.has(peer)) return;
        this.#lines.set(peer, new Line(peer, { node, log, run, ended: this.#ended.signal }));
        onMet(peer);
      },
      onDisconnect: (peerId) => {
        this.#lines.get(peerId.toString())?.end();
        this.#lines.delete(peerId.toString());
      },
    });
  }

  /**
   * Says something to everybody.
   *
   * @returns to how many.
   * @throws KlatchError `data` when the bytes are too many.
   */
  publish(message: Uint8Array): number {
    if (message.byteLength > MAX_AGREEMENT_BYTES) {
      throw new KlatchError(
        "data",
        `A message of ${message.byteLength} bytes is too large to publish (limit ${MAX_AGREEMENT_BYTES}).`,
        "A block has ballots of one roster; payloads are fetched.",
      );
    }
    const told = asTold(message);
    return [...this.#lines.values()].filter((line) => line.say(told)).length;
  }

  end(): void {
    this.#ended.abort();
    if (this.#registration !== null) this.#options.node.unregister(this.#registration);
    for (const line of this.#lines.values()) line.end();
    this.#lines.clear();
  }

  async #hear(stream: Stream, connection: Connection): Promise<void> {
    const { log, admit } = this.#options;
    const from = connection.remotePeer.toString();
    const wire = lpStream(stream, { maxDataLength: MAX_AGREEMENT_BYTES });
    try {
      const run = await this.#runOf(from, wire);
      for (let count = 1; ; count += 1) {
        const told = (await wire.read({ signal: this.#ended.signal })).subarray();
        const bytes = asMeant(told, { author: from, run });
        if (bytes === null) this.#refuse(from, "malformed");
        else await admit(bytes, { from, isSaid: true });
        if (count % JUDGED_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      if (isTooLong(error)) this.#refuse(from, "too-large");
      log.debug({ peer: from, reason: reasonOf(error) }, "a line has ended");
      stream.abort(new Error(reasonOf(error)));
    }
  }

  /** Reads the run that a line is about, which is this node's. */
  async #runOf(from: PeerId, wire: Wire): Promise<Digest> {
    const run = (await wire.read({ signal: this.#ended.signal })).subarray();
    if (run.byteLength !== DIGEST_BYTES) {
      this.#refuse(from, "malformed");
      throw new Error("the peer does not say of which run it is");
    }
    if (bytesToDigest(run) === this.#options.run()) return this.#options.run();
    this.#options.onRefused(from, { verdict: "ignore", reason: "other-run" });
    throw new Error("the peer is of another run");
  }

  #refuse(from: PeerId, reason: Reason): void {
    this.#options.onRefused(from, { verdict: "reject", reason });
  }
}

// --- internal ---

interface LineOptions {
  readonly node: Libp2p;
  readonly log: Log;
  readonly run: () => Digest;
  readonly ended: AbortSignal;
}

/** What is said to one peer, in order: over one stream, which is opened when there is something to say. */
class Line {
  readonly #peer: PeerId;
  readonly #options: LineOptions;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isSending = false;
  #open: { readonly stream: Stream; readonly wire: Wire } | null = null;

  constructor(peer: PeerId, options: LineOptions) {
    this.#peer = peer;
    this.#options = options;
  }

  /** Whether it goes out: not while too much waits. */
  say(bytes: Uint8Array): boolean {
    if (this.#waitingBytes + bytes.byteLength > MAX_WAITING_BYTES) return false;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    if (!this.#isSending) void this.#send();
    return true;
  }

  end(): void {
    this.#open?.stream.abort(new Error("the line has ended"));
    this.#forget();
  }

  /** Never throws: what does not get through comes by exchange. */
  async #send(): Promise<void> {
    const { log } = this.#options;
    this.#isSending = true;
    try {
      while (this.#waiting.length > 0) await this.#sendWaiting();
    } catch (error) {
      log.debug({ peer: this.#peer, reason: reasonOf(error) }, "a line was lost");
      this.#open?.stream.abort(new Error(reasonOf(error)));
      this.#forget();
    }
    this.#isSending = false;
  }

  async #sendWaiting(): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#options.ended]);
    if (this.#open?.stream.status !== "open") this.#open = await this.#dial(signal);
    const said = this.#waiting;
    this.#waiting = [];
    const { stream, wire } = this.#open;
    await wire.writeV(said, { signal });
    await drained(stream, signal);
    for (const { byteLength } of said) this.#waitingBytes -= byteLength;
  }

  async #dial(signal: AbortSignal) {
    const connection = this.#options.node
      .getConnections()
      .find(({ remotePeer, status }) => remotePeer.toString() === this.#peer && status === "open");
    if (connection === undefined) throw new Error("not connected");
    const stream = await connection.newStream(STATEMENTS, { signal });
    const wire = lpStream(stream);
    await wire.write(digestToBytes(this.#options.run()), { signal });
    return { stream, wire };
  }

  #forget(): void {
    this.#open = null;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith("InvalidDataLength");
}
