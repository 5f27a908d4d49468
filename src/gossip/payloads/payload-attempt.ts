import type { Stream } from "@libp2p/interface";
import { type ByteStream, byteStream } from "@libp2p/utils";
import type { Digest } from "../../types.ts";
import type { FetchFailure, FileTarget } from "../contract.ts";
import { reasonOf } from "../log.ts";
import { type ChunkHeader, decodeHeader, encodeRequest, HEADER_BYTES } from "./payload-protocol.ts";
import { StallGuard } from "./stall-guard.ts";

/** How an attempt ended: with every byte, with a failure that another attempt may mend, or with one that it cannot. */
export type AttemptEnd =
  | { readonly kind: "complete" }
  | { readonly kind: "broken" | "final"; readonly failure: FetchFailure; readonly detail: string };

/** Where the bytes of a transfer go. */
export interface ChunkTarget extends Omit<FileTarget, "append"> {
  /** The next request waits until this is done. */
  append(part: Uint8Array): void | Promise<void>;
  /** No more comes: what came is all of it. */
  end?(): void;
}

/** Whether all of it is there. */
export function isComplete({ size, received }: ChunkTarget): boolean {
  return received === size;
}

export interface AttemptOptions {
  readonly digest: Digest;
  /** Whether the payload may end before the target is full. */
  readonly isMost: boolean;
  readonly chunkBytes: number;
  readonly openWaitMs: number;
  readonly stallMs: number;
  readonly minBytesPerSecond: number;
  readonly signal: AbortSignal;
}

interface Exchange {
  readonly wire: ByteStream<Stream>;
  readonly guard: StallGuard;
  readonly signal: AbortSignal;
}

/**
 * Pulls what the target lacks over one stream, chunk by chunk, and closes the stream. Never throws for the peer's
 * doing.
 */
export async function pullOver(
  stream: Stream,
  target: ChunkTarget,
  options: AttemptOptions,
): Promise<AttemptEnd> {
  const guard = new StallGuard(options.stallMs, options.minBytesPerSecond);
  const signal = AbortSignal.any([guard.signal, options.signal]);
  try {
    const exchange = { wire: byteStream(stream), guard, signal };
    const end = await pullAll(exchange, target, options);
    // nothing more will be asked for, and a peer that does not close its end is not waited for
    if (end.kind === "complete") await stream.close({ signal });
    else stream.abort(new Error(end.detail));
    return end;
  } catch (thrown) {
    const detail = reasonOf(thrown);
    stream.abort(new Error(detail));
    if (isComplete(target)) return { kind: "complete" };
    if (options.signal.aborted) return final("timeout", "the deadline passed");
    if (guard.stalled) return broken("timeout", `too little came for ${options.stallMs} ms`);
    return broken("unreachable", `the stream broke: ${detail}`);
  } finally {
    guard.end();
  }
}

async function pullAll(
  exchange: Exchange,
  target: ChunkTarget,
  options: AttemptOptions,
): Promise<AttemptEnd> {
  while (!isComplete(target)) {
    const length = Math.min(options.chunkBytes, target.size - target.received);
    const request = { payload: options.digest, offset: target.received, length };
    await exchange.wire.write(encodeRequest(request), { signal: exchange.signal });
    const header = await readHeader(exchange, options.openWaitMs);
    if (header === null) return final("malformed", "the peer sent something that is no answer");
    const isEnd = options.isMost && isBeyond(header, length, target.received);
    const refusal = isEnd ? null : refusalOf(header, length);
    if (refusal !== null) return refusal;
    const excess = await readData(exchange, target, header.length);
    if (excess > 0) return final("malformed", `the peer sent ${excess} bytes more than it said`);
    if (isEnd) target.end?.();
  }
  return { kind: "complete" };
}

/** The first header that is not `wait`, or a `wait` that went on for too long; null when it is no header. */
async function readHeader(exchange: Exchange, openWaitMs: number): Promise<ChunkHeader | null> {
  const started = performance.now();
  while (true) {
    const { wire, signal, guard } = exchange;
    const header = decodeHeader((await wire.read({ bytes: HEADER_BYTES, signal })).subarray());
    if (header?.status !== "wait") return header;
    guard.excuse();
    // twice: the peer counts its own time, and a little of it passes on the way
    if (performance.now() - started > 2 * openWaitMs + 1000) return header;
  }
}

/** Whether a payload has ended within what was asked for, or where the chunk before did. */
function isBeyond({ status, length }: ChunkHeader, asked: number, received: number): boolean {
  return status === "data" ? length < asked : status === "range" && received > 0;
}

function refusalOf({ status, length }: ChunkHeader, asked: number): AttemptEnd | null {
  switch (status) {
    case "data":
      if (length === asked) return null;
      return length > asked
        ? final("too-large", `the peer sent ${length} bytes where ${asked} were asked for`)
        : final("malformed", `the payload is shorter than announced: ${length} of ${asked} bytes`);
    case "wait":
      return final("missing", "the peer kept us waiting and never opened the payload");
    case "missing":
      return final("missing", "the peer does not serve the payload");
    case "busy":
      return broken("unreachable", "the peer serves too many others");
    case "range":
      return final("malformed", "the payload is shorter than announced");
  }
}

/** Reads one chunk into the target; returns how many bytes came beyond it. */
async function readData(exchange: Exchange, target: ChunkTarget, length: number): Promise<number> {
  let left = length;
  while (left > 0) {
    const part = await exchange.wire.read({ signal: exchange.signal });
    if (part === null) throw new Error("the peer closed the stream within a chunk");
    exchange.guard.progress(part.byteLength);
    if (part.byteLength > left) return part.byteLength - left;
    for (const piece of part) await target.append(piece);
    left -= part.byteLength;
  }
  return 0;
}

function broken(failure: FetchFailure, detail: string): AttemptEnd {
  return { kind: "broken", failure, detail };
}

function final(failure: FetchFailure, detail: string): AttemptEnd {
  return { kind: "final", failure, detail };
}
