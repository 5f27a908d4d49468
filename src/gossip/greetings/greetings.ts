import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import type { PeerId, Timestamp } from "../../types.ts";
import { converse, type Wire } from "../connections/conversation.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { Greeting } from "../contract.ts";
import { type Log, reasonOf } from "../log.ts";
import {
  decodeGreeting,
  encodeGreeting,
  type GreetingMessage,
  MAX_BODY_BYTES,
  MAX_GREETING_BYTES,
} from "./greeting-message.ts";

/**
 * Two peers that meet tell each other what they are and what their clocks say; when they greet again, their clocks alone.
 * This protocol stays the same when the others change, so that peers of different versions can still say why they do not
 * understand one another.
 */
export const GREETING_PROTOCOL = "/klatch/greeting/1";

const TIMEOUT_MS = 10_000;
/** How long a node that stops waits for its farewells to be answered; a loaded machine takes more than one second. */
const FAREWELL_MS = 3000;
/** Greetings that a peer may begin: one when it connects, one when it stops, and some for what changes. */
const ALLOWANCE = { burst: 8, refillMs: 5000 };
/** A connected peer is greeted again once in this time at most: its clock may have been set. */
const AGAIN = { burst: 1, refillMs: 30_000 };

export interface GreetingsOptions {
  readonly node: Libp2p;
  readonly log: Log;
  readonly now: () => Timestamp;
  readonly onGreeting: (from: Connection, greeting: Greeting) => void;
  readonly onLeft: (peer: PeerId) => void;
  readonly onMalformed: (from: PeerId) => void;
}

/** Speaks {@link GREETING_PROTOCOL} on both ends. */
export class Greetings {
  readonly #options: GreetingsOptions;
  readonly #allowance = new TokenBuckets(ALLOWANCE);
  readonly #again = new TokenBuckets(AGAIN);
  readonly #ended = new AbortController();
  #body = NOTHING;
  /** Where the other end has heard it. */
  #said = new WeakSet<Connection>();
  /** What the other end says of itself. */
  readonly #heard = new WeakMap<Connection, Uint8Array>();

  constructor(options: GreetingsOptions) {
    this.#options = options;
  }

  /** From now on this is what is said. */
  say(body: Uint8Array): void {
    if (body.byteLength > MAX_BODY_BYTES) {
      throw new RangeError(`a greeting is at most ${MAX_BODY_BYTES} bytes`);
    }
    this.#body = Uint8Array.from(body);
    this.#said = new WeakSet();
  }

  /** Greets a peer over a connection that has just begun, or once `again`, and reads its answer. */
  async begin(connection: Connection, { again = false } = {}): Promise<void> {
    const peer = connection.remotePeer.toString();
    const { now, log, onGreeting } = this.#options;
    const said = this.#said;
    if (!this.#again.take(peer, now()) && again) return;
    try {
      await this.#talk(connection, TIMEOUT_MS, async (wire, signal) => {
        const sentAt = now();
        await wire.write(this.#message(connection, false), { signal });
        const answer = this.#parse(connection, await wire.read({ signal }));
        said.add(connection);
        const tookMs = now() - sentAt;
        const clockOffsetMs = answer.sentAt - (sentAt + tookMs / 2);
        onGreeting(connection, { body: answer.body, clock: { offsetMs: clockOffsetMs, tookMs } });
      });
    } catch (error) {
      if (isUnknownProtocol(error)) onGreeting(connection, { body: null, clock: null });
      log.debug({ peer, reason: reasonOf(error) }, "could not greet");
    }
  }

  /** Handles an incoming stream. */
  async handle(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const { now, log, onGreeting, onLeft } = this.#options;
    if (!this.#allowance.take(peer, now())) {
      stream.abort(new Error("too many greetings"));
      return;
    }
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#ended.signal]);
    try {
      await converse(stream, { maxBytes: MAX_GREETING_BYTES, signal }, async (wire) => {
        const message = this.#parse(connection, await wire.read({ signal }));
        if (message.leaves) onLeft(peer);
        else onGreeting(connection, { body: message.body, clock: null });
        await wire.write(this.#message(connection, false), { signal });
      });
    } catch (error) {
      log.debug({ peer, reason: reasonOf(error) }, "a greeting ended early");
    }
  }

  /** Ends; with a farewell it tells every connected peer that this node stops, so that nobody waits for it. */
  async end({ farewell }: { readonly farewell: boolean }): Promise<void> {
    if (farewell) await this.#farewell();
    this.#ended.abort();
  }

  // --- internal ---

  async #farewell(): Promise<void> {
    const connections = new Map(
      this.#options.node.getConnections().map((each) => [each.remotePeer.toString(), each]),
    );
    const told = [...connections.values()].map((connection) =>
      this.#talk(connection, FAREWELL_MS, async (wire, signal) => {
        await wire.write(this.#message(connection, true), { signal });
        // the answer shows that it has been read
        await wire.read({ signal });
      }),
    );
    await Promise.allSettled(told);
  }

  /** Without a body where it has been said over the connection. */
  #message(connection: Connection, leaves: boolean): Uint8Array {
    const body = this.#said.has(connection) ? NOTHING : this.#body;
    return encodeGreeting({ sentAt: this.#options.now(), leaves, body });
  }

  /** Reads a greeting, with the body of the last one where it has none. */
  #parse(connection: Connection, bytes: { subarray(): Uint8Array }): GreetingMessage {
    const message = decodeGreeting(bytes.subarray());
    if (message !== null) {
      const isBare = message.body.byteLength === 0;
      const body = isBare
        ? (this.#heard.get(connection) ?? NOTHING)
        : Uint8Array.from(message.body);
      this.#heard.set(connection, body);
      return { ...message, body };
    }
    this.#options.onMalformed(connection.remotePeer.toString());
    throw new Error("the peer sent something that is no greeting");
  }

  async #talk(
    connection: Connection,
    timeoutMs: number,
    talk: (wire: Wire, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#ended.signal]);
    const stream = await connection.newStream(GREETING_PROTOCOL, { signal });
    const limits = { maxBytes: MAX_GREETING_BYTES, signal };
    await converse(stream, limits, (wire) => talk(wire, signal));
  }
}

const NOTHING = new Uint8Array();

function isUnknownProtocol(error: unknown): boolean {
  return error instanceof Error && error.name === "UnsupportedProtocolError";
}
