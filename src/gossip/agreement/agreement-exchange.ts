import type { Libp2p } from "@libp2p/interface";
import { concat } from "uint8arrays";
import { z } from "zod";
import type { Digest, PeerId, Timestamp } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { drained } from "../connections/drained.ts";
import { Exchanges, type Talk } from "../connections/exchanges.ts";
import type { Log } from "../log.ts";
import { bytesToDigest, DIGEST_BYTES, digestOf, digestToBytes } from "../payloads/digest.ts";
import { bytesUpTo, decodeParts, digestField } from "./fields.ts";
import { MAX_AGREEMENT_BYTES } from "./parse.ts";

/**
 * Two peers give each other what they hold of a height: first the digests, then what the other lacks. Gossip drops a
 * message that it saw minutes ago, so this is how a lost one comes back, and how who comes late learns of a height.
 */
export const AGREEMENT_EXCHANGE = "/klatch/agreement/1";

/** Messages, and bytes of them with their lengths, that one side gives. */
export const MAX_ENTRIES = 2048;
export const MAX_ENTRIES_BYTES = 4 * 1024 * 1024;
const LENGTH_BYTES = 4;
const TIMEOUT_MS = 60_000;
/** Both sides start one when they meet, and then when they miss something. */
const ALLOWANCE = { burst: 8, refillMs: 1000 };
/** Messages judged before other work gets a turn. */
const JUDGED_AT_ONCE = 32;
const VERSION = 1;

/** Version, run, and the SHA-256 of each message that the sender holds, one after the other. */
const inventory = z.tuple([
  z.literal(VERSION),
  digestField,
  bytesUpTo(MAX_ENTRIES * DIGEST_BYTES, DIGEST_BYTES),
]);

export interface AgreementExchangeOptions {
  readonly node: Libp2p;
  readonly log: Log;
  readonly now: () => Timestamp;
  readonly run: () => Digest;
  /** What this node holds of the current height. */
  readonly tell: () => readonly Uint8Array[];
  /** Takes one message; resolves when it is judged. */
  readonly onMessage: (from: PeerId, message: Uint8Array) => Promise<unknown>;
  readonly onMalformed: (from: PeerId) => void;
}

/** Speaks {@link AGREEMENT_EXCHANGE} on both ends. */
export function agreementExchange(options: AgreementExchangeOptions): Exchanges {
  return new Exchanges({
    ...options,
    protocol: AGREEMENT_EXCHANGE,
    maxBytes: MAX_AGREEMENT_BYTES,
    timeoutMs: TIMEOUT_MS,
    allowance: ALLOWANCE,
    ask: async (talk) => {
      const held = within(options.tell());
      await send(talk, inventoryOf(options.run(), held));
      const theirs = await readInventory(talk, options);
      await give(talk, held, theirs);
      await take(talk, options);
    },
    answer: async (talk) => {
      const held = within(options.tell());
      const theirs = await readInventory(talk, options);
      await send(talk, inventoryOf(options.run(), held));
      await take(talk, options);
      await give(talk, held, theirs);
    },
  });
}

// --- internal ---

/** What exceeds the limits is left out, the first stay. */
function within(messages: readonly Uint8Array[]): ReadonlyMap<Digest, Uint8Array> {
  let total = 0;
  const kept = messages.slice(0, MAX_ENTRIES).filter((message) => {
    total += message.byteLength + LENGTH_BYTES;
    return total <= MAX_ENTRIES_BYTES;
  });
  return new Map(kept.map((message) => [digestOf(message), message]));
}

function inventoryOf(run: Digest, held: ReadonlyMap<Digest, Uint8Array>): Uint8Array {
  return encodeCanonical([
    VERSION,
    digestToBytes(run),
    concat([...held.keys()].map(digestToBytes)),
  ]);
}

async function readInventory(
  talk: Talk,
  { run, onMalformed }: AgreementExchangeOptions,
): Promise<ReadonlySet<Digest>> {
  const bytes = (await talk.wire.read({ signal: talk.signal })).subarray();
  const parsed = inventory.safeParse(decodeCanonical(bytes, 4));
  if (!parsed.success) {
    onMalformed(talk.connection.remotePeer.toString());
    throw new Error("the peer sent something that is no inventory");
  }
  const [, theirs, digests] = parsed.data;
  if (theirs !== run()) throw new Error("the peer is of another run");
  const parts = decodeParts(digests, DIGEST_BYTES, digests.byteLength / DIGEST_BYTES) ?? [];
  return new Set(parts.map(bytesToDigest));
}

/** Sends what the other lacks, and then an empty message. */
async function give(
  talk: Talk,
  held: ReadonlyMap<Digest, Uint8Array>,
  theirs: ReadonlySet<Digest>,
): Promise<void> {
  for (const [digest, message] of held) if (!theirs.has(digest)) await send(talk, message);
  await send(talk, new Uint8Array());
}

/** Takes messages up to the empty one. */
async function take(
  { wire, connection, signal }: Talk,
  { onMessage, onMalformed }: AgreementExchangeOptions,
): Promise<void> {
  const peer = connection.remotePeer.toString();
  let total = 0;
  for (let count = 0; ; count += 1) {
    const message = (await wire.read({ signal })).subarray();
    if (message.byteLength === 0) return;
    total += message.byteLength + LENGTH_BYTES;
    if (count >= MAX_ENTRIES || total > MAX_ENTRIES_BYTES) {
      onMalformed(peer);
      throw new Error("the peer gives more than is asked for");
    }
    if (count % JUDGED_AT_ONCE === JUDGED_AT_ONCE - 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await onMessage(peer, message);
  }
}

/** One message at a time waits for a slow reader. */
async function send({ wire, stream, signal }: Talk, bytes: Uint8Array): Promise<void> {
  await wire.write(bytes, { signal });
  await drained(stream, signal);
}
