import type { Libp2p } from "@libp2p/interface";
import type { Digest, PeerId, Timestamp } from "../../types.ts";
import { drained } from "../connections/drained.ts";
import { Exchanges, type Talk } from "../connections/exchanges.ts";
import { freshSalt, lackedBy, named } from "../connections/inventory.ts";
import type { Log } from "../log.ts";
import { inventoryOf, MAX_ENTRIES, parseInventory } from "./inventory-message.ts";
import { MAX_AGREEMENT_BYTES } from "./parse.ts";

/**
 * Two peers give each other what they hold of a height: first short names of it, then what the other lacks. A member says
 * a thing once, so this is how a lost one comes back, and how who comes late learns of a height.
 */
export const AGREEMENT_EXCHANGE = "/klatch/agreement/2";

/** Bytes of messages with their lengths that one side gives. */
export const MAX_ENTRIES_BYTES = 4 * 1024 * 1024;
const LENGTH_BYTES = 4;
const TIMEOUT_MS = 60_000;
/** Both sides start one when they meet, and then when they miss something. */
const ALLOWANCE = { burst: 8, refillMs: 1000 };
/** Messages judged before other work gets a turn. */
const JUDGED_AT_ONCE = 32;

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
      const salt = freshSalt();
      const held = named(within(options.tell()), salt);
      await send(talk, inventoryOf(options.run(), salt, held));
      const theirs = await readInventory(talk, options);
      await give(talk, held, theirs.names);
      await take(talk, options);
    },
    answer: async (talk) => {
      const { salt, names } = await readInventory(talk, options);
      const held = named(within(options.tell()), salt);
      await send(talk, inventoryOf(options.run(), salt, held));
      await take(talk, options);
      await give(talk, held, names);
    },
  });
}

// --- internal ---

/** What exceeds the limits is left out, the first stay. */
function within(messages: readonly Uint8Array[]): readonly Uint8Array[] {
  let total = 0;
  return messages.slice(0, MAX_ENTRIES).filter((message) => {
    total += message.byteLength + LENGTH_BYTES;
    return total <= MAX_ENTRIES_BYTES;
  });
}

async function readInventory(talk: Talk, { run, onMalformed }: AgreementExchangeOptions) {
  const bytes = (await talk.wire.read({ signal: talk.signal })).subarray();
  const inventory = parseInventory(bytes);
  if (inventory === null) {
    onMalformed(talk.connection.remotePeer.toString());
    throw new Error("the peer sent something that is no inventory");
  }
  if (inventory.run !== run()) throw new Error("the peer is of another run");
  return inventory;
}

/** Sends what the other lacks, and then an empty message. */
async function give(
  talk: Talk,
  held: ReadonlyMap<string, Uint8Array>,
  theirs: ReadonlySet<string>,
): Promise<void> {
  for (const message of lackedBy(theirs, held)) await send(talk, message);
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
