import type { Connection, Stream } from "@libp2p/interface";
import type { Digest, PeerId, Reason, Timestamp } from "../../types.ts";
import { converse } from "../connections/conversation.ts";
import { drained } from "../connections/drained.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { ChainOutcome, FetchFailure } from "../contract.ts";
import { type Log, reasonOf } from "../log.ts";
import {
  type ChainBytes,
  decodePage,
  decodePageRequest,
  encodePage,
  encodePageRequest,
  MAX_PAGE_BYTES,
  MAX_PAGE_ENTRIES,
  MAX_REQUEST_BYTES,
} from "./chain-page.ts";

/** Final blocks in pages: the opener names a height, the other answers with what follows from it, and that is all. */
export const CHAIN_PROTOCOL = "/klatch/chain/1";

const TIMEOUT_MS = 60_000;
/** Pages that a peer may ask for: a chain of hundreds of rounds at once, then one each half second. */
const ALLOWANCE = { burst: 64, refillMs: 500 };

export interface ChainOptions {
  readonly log: Log;
  readonly now: () => Timestamp;
  readonly run: () => Digest;
  /** The final blocks from a height on that this node holds, so many at most. */
  readonly tell: (from: number, most: number) => readonly ChainBytes[];
  readonly openStream: (peer: PeerId, signal: AbortSignal) => Promise<Stream>;
  readonly onRefused: (from: PeerId, verdict: "ignore" | "reject", reason: Reason) => void;
}

/** Speaks {@link CHAIN_PROTOCOL} on both ends. */
export class Chain {
  readonly #options: ChainOptions;
  readonly #allowance = new TokenBuckets(ALLOWANCE);
  readonly #ended = new AbortController();

  constructor(options: ChainOptions) {
    this.#options = options;
  }

  /** Handles an incoming stream. */
  async handle(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString();
    const { now, log } = this.#options;
    if (!this.#allowance.take(peer, now())) {
      stream.abort(new Error("too many pages"));
      return;
    }
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#ended.signal]);
    try {
      await converse(stream, { maxBytes: MAX_REQUEST_BYTES, signal }, async (wire) => {
        const page = this.#pageFor(peer, (await wire.read({ signal })).subarray());
        await wire.write(page, { signal });
        await drained(stream, signal);
      });
    } catch (error) {
      log.debug({ peer, reason: reasonOf(error) }, "a page of the chain was not sent");
    }
  }

  /** One page from a height on; what it says is for the caller to verify. Whatever the peer does, a value. */
  async fetch(peer: PeerId, from: number, given: AbortSignal): Promise<ChainOutcome> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const signal = AbortSignal.any([timeout, given, this.#ended.signal]);
    const request = { run: this.#options.run(), from, most: MAX_PAGE_ENTRIES };
    const page: { bytes: Uint8Array | null } = { bytes: null };
    try {
      const stream = await this.#options.openStream(peer, signal);
      await converse(stream, { maxBytes: MAX_PAGE_BYTES, signal }, async (wire) => {
        await wire.write(encodePageRequest(request), { signal });
        page.bytes = (await wire.read({ signal })).subarray();
      });
    } catch (error) {
      // a page that has come is a page, however the stream ended
      if (page.bytes === null) return failed(failureOf(error, signal), reasonOf(error));
    }
    const entries = page.bytes && decodePage(page.bytes, request);
    return entries === null
      ? failed("malformed", "the peer sent something that is no page of the chain")
      : { ok: true, entries };
  }

  stop(): void {
    this.#ended.abort();
  }

  #pageFor(peer: PeerId, bytes: Uint8Array): Uint8Array {
    const { run, tell, onRefused } = this.#options;
    const request = decodePageRequest(bytes);
    if (request === null) {
      onRefused(peer, "reject", "malformed");
      throw new Error("the peer sent something that is no request");
    }
    if (request.run !== run()) {
      onRefused(peer, "ignore", "other-run");
      return encodePage([]);
    }
    return encodePage(tell(request.from, request.most));
  }
}

// --- internal ---

function failureOf(error: unknown, signal: AbortSignal): FetchFailure {
  if (signal.aborted) return "timeout";
  const isTooLong = error instanceof Error && error.name.startsWith("InvalidDataLength");
  return isTooLong ? "too-large" : "unreachable";
}

function failed(failure: FetchFailure, detail: string): ChainOutcome {
  return { ok: false, failure, detail };
}
