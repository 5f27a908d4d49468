import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { PeerId } from "../../types.ts";
import { addressesOfPeer } from "../connections/address.ts";
import { isWithin, type Range, rangeOf } from "../connections/address-range.ts";
import { converse } from "../connections/conversation.ts";
import { nearnessOf } from "../connections/introductions.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { AdmissionDesk, AdmissionOutcome } from "../contract.ts";
import { FileWiring, type FileWiringOptions } from "../files/file-wiring.ts";
import { reasonOf } from "../log.ts";
import { FILE_PROTOCOL } from "../payloads/payload-protocol.ts";
import {
  type AdmissionRequest,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  MAX_ANSWER_BYTES,
  MAX_REQUEST_BYTES,
} from "./admission-message.ts";
import { openSealedRun, type SealedRun } from "./sealed-run.ts";

/** How somebody who has a ticket becomes a member of a run that is to begin. */
export const ADMISSION_PROTOCOL = "/klatch/admission/1";

const TIMEOUT_MS = 10_000;
/** Longest attempt to reach the creator: all its addresses in turn. */
const REACH_MS = 30_000;
/** Questions of one peer, and of all together: checking one takes a tenth of a millisecond. */
const ALLOWANCE = { burst: 16, refillMs: 1000 };
const ALLOWANCE_OF_ALL = { burst: 256, refillMs: 5 };
const ALL = "all";
/** Where anyone may connect, nobody stays: asking takes a second. */
const VISIT_MS = 20_000;
/** How long a network that stops waits for answers that are on their way. */
const FLUSH_MS = 5000;

export interface AdmissionOptions extends Omit<FileWiringOptions, "openStream"> {
  /** Who answers; null where nobody does. */
  readonly desk: AdmissionDesk | null;
  readonly openStream: (protocol: string) => (peer: PeerId, signal: AbortSignal) => Promise<Stream>;
}

/** Speaks {@link ADMISSION_PROTOCOL} on both ends, and has the files that members are given. */
export class AdmissionWiring {
  readonly files: FileWiring;
  readonly #options: AdmissionOptions;
  readonly #allowance = new TokenBuckets(ALLOWANCE);
  readonly #allowanceOfAll = new TokenBuckets(ALLOWANCE_OF_ALL);
  readonly #answering = new Set<Promise<void>>();
  readonly #visits = new Set<NodeJS.Timeout>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.files = new FileWiring({ ...options, openStream: options.openStream(FILE_PROTOCOL) });
  }

  /** Whether strangers come to be admitted: they go again, and nobody calls them back. */
  get isOpen(): boolean {
    const { desk, config } = this.#options;
    return desk !== null && config.members === "anyone";
  }

  /** Answers from now on, where there is a desk. */
  async begin(): Promise<void> {
    const { node, desk } = this.#options;
    await this.files.begin();
    if (desk === null) return;
    const handle = (stream: Stream, connection: Connection): Promise<void> => {
      const answering = this.#handle(desk, stream, connection).finally(() =>
        this.#answering.delete(answering),
      );
      this.#answering.add(answering);
      return answering;
    };
    await node.handle(ADMISSION_PROTOCOL, handle, { maxInboundStreams: 2 });
    if (this.isOpen)
      node.addEventListener("connection:open", ({ detail }) => this.#visited(detail));
  }

  /** Asks the creator of a run to be admitted to it. Never rejects. */
  async ask(
    creator: PeerId,
    request: AdmissionRequest,
    signal: AbortSignal,
  ): Promise<AdmissionOutcome> {
    try {
      const reaching = AbortSignal.any([AbortSignal.timeout(REACH_MS), signal]);
      const stream = await this.#options.openStream(ADMISSION_PROTOCOL)(creator, reaching);
      // looked at now: with the last answer the creator ends its connections
      const over = this.#nearness(creator);
      const deadline = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), signal]);
      let bytes = new Uint8Array();
      await converse(stream, { maxBytes: MAX_ANSWER_BYTES, signal: deadline }, async (wire) => {
        await wire.write(encodeRequest(request), { signal: deadline });
        bytes = Uint8Array.from((await wire.read({ signal: deadline })).subarray());
      });
      return readAnswer(bytes, creator, over);
    } catch (error) {
      return { ok: false, detail: reasonOf(error) };
    }
  }

  /** Ends; what is being answered may be answered. */
  async end(): Promise<void> {
    this.files.end();
    for (const visit of this.#visits) clearTimeout(visit);
    const flushed = Promise.allSettled([...this.#answering]);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FLUSH_MS);
    await Promise.race([flushed, late]);
    clearTimeout(timer);
  }

  // --- internal ---

  async #handle(desk: AdmissionDesk, stream: Stream, connection: Connection): Promise<void> {
    const { log, now, onMalformed } = this.#options;
    const peer = connection.remotePeer.toString();
    if (!this.#allowance.take(peer, now()) || !this.#allowanceOfAll.take(ALL, now())) {
      stream.abort(new Error("too many questions"));
      return;
    }
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      await converse(stream, { maxBytes: MAX_REQUEST_BYTES, signal }, async (wire) => {
        const bytes = Uint8Array.from((await wire.read({ signal })).subarray());
        const request = decodeRequest(bytes);
        if (request === null) {
          onMalformed(peer);
          throw new Error("the peer sent something that is no request for admission");
        }
        const addresses = told(request.addresses, peer, nearnessOf(connection));
        await wire.write(encodeAnswer(await desk(peer, { ...request, addresses })), { signal });
        // the last answer is what ends the network: it has to be read before
        await endOfOther(stream, signal);
      });
    } catch (error) {
      log.debug({ peer, reason: reasonOf(error) }, "an admission ended early");
    }
  }

  /** How near a connected peer is. */
  #nearness(peer: PeerId): Range {
    const [connection] = this.#options.node.getConnections(peerIdFromString(peer));
    return connection === undefined ? "public" : nearnessOf(connection);
  }

  /** Ends a visit after its time; somebody who is given a file stays until it has it. */
  #visited(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    const end = () => {
      if (this.files.isServing(peer)) return void visit.refresh();
      connection.close().catch((error: unknown) => {
        this.#options.log.debug({ reason: reasonOf(error) }, "a visit was not ended");
      });
    };
    const visit = setTimeout(end, VISIT_MS);
    this.#visits.add(visit);
    connection.addEventListener("close", () => {
      clearTimeout(visit);
      this.#visits.delete(visit);
    });
  }
}

// --- internal ---

function readAnswer(bytes: Uint8Array, creator: PeerId, over: Range): AdmissionOutcome {
  const answer = decodeAnswer(bytes);
  if (answer === null) return { ok: false, detail: "it sent something that is no answer" };
  if (answer.kind !== "sealed") return { ok: true, answer };
  const run = openSealedRun(answer.sealed, creator);
  if (run === null) return { ok: false, detail: "it sent a run that it has not signed" };
  return { ok: true, answer: { kind: "sealed", run: withinReach(run, over) } };
}

/** Waits until the other side has ended its half of a stream, which it does when it has read what it asked for. */
function endOfOther(stream: Stream, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (stream.remoteWriteStatus !== "writable" || signal.aborted) resolve();
  const end = () => resolve();
  stream.addEventListener("remoteCloseWrite", end, { once: true });
  stream.addEventListener("close", end, { once: true });
  signal.addEventListener("abort", end, { once: true });
  return promise;
}

/** The run with the addresses alone that may be dialled by who was told of them over such a connection. */
function withinReach({ offer, members }: SealedRun, over: Range): SealedRun {
  return {
    offer,
    members: members.map(({ peer, addresses }) => ({
      peer,
      addresses: told(addresses, peer, over),
    })),
  };
}

/**
 * Those addresses of a peer that its word is enough for. They are written down like an operator's, which are dialled
 * without a further look: so numbers alone, for a name may stand for any number later.
 */
function told(texts: readonly string[], peer: PeerId, over: Range): readonly string[] {
  return addressesOfPeer(texts, peer)
    .filter((address) => rangeOf(address) !== null && isWithin(address, over))
    .map(({ text }) => text);
}
