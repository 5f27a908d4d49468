import type { Connection, Libp2p } from "@libp2p/interface";
import type { PeerId, Timestamp } from "../../types.ts";
import { Exchanges, type Talk } from "../connections/exchanges.ts";
import { freshSalt, lackedBy, named } from "../connections/inventory.ts";
import type { Log } from "../log.ts";
import {
  decodeExchange,
  decodeInventory,
  type ExchangeMessage,
  encodeExchange,
  encodeInventory,
  type Inventory,
  MAX_EXCHANGE_BYTES,
} from "./exchange-message.ts";

/**
 * Two peers give each other the announcements they hold: first short names of them, then those that the other lacks, for
 * most have come by gossip. Gossip forgets within minutes and reaches only who is there;
 * this reaches who comes late or was restarted, and mends whatever gossip lost.
 */
export const EXCHANGE_PROTOCOL = "/klatch/announcements/2";

const TIMEOUT_MS = 15_000;
/** Exchanges that a peer may start: both sides start one when they meet, then one now and then. */
const ALLOWANCE = { burst: 8, refillMs: 1000 };

export interface ExchangeOptions {
  readonly node: Libp2p;
  readonly log: Log;
  readonly now: () => Timestamp;
  /** What to tell over a connection. */
  readonly tell: (to: Connection) => ExchangeMessage;
  /** Takes what a peer told; resolves when all of it is judged. */
  readonly onMessage: (from: Connection, message: ExchangeMessage) => Promise<void>;
  readonly onMalformed: (from: PeerId) => void;
}

/** Speaks {@link EXCHANGE_PROTOCOL} on both ends. */
export function announcementExchange(options: ExchangeOptions): Exchanges {
  return new Exchanges({
    ...options,
    protocol: EXCHANGE_PROTOCOL,
    maxBytes: MAX_EXCHANGE_BYTES,
    timeoutMs: TIMEOUT_MS,
    allowance: ALLOWANCE,
    ask: async (talk) => {
      const salt = freshSalt();
      const own = holdingsOf(options, talk, salt);
      await send(talk, encodeInventory(salt, own.held));
      const { names } = await readInventory(options, talk);
      await give(talk, own, names);
      await take(options, talk);
    },
    answer: async (talk) => {
      const { salt, names } = await readInventory(options, talk);
      const own = holdingsOf(options, talk, salt);
      await send(talk, encodeInventory(salt, own.held));
      await take(options, talk);
      await give(talk, own, names);
    },
  });
}

// --- internal ---

interface Holdings extends Pick<ExchangeMessage, "peers"> {
  /** Announcements by their names in the exchange. */
  readonly held: ReadonlyMap<string, Uint8Array>;
}

function holdingsOf({ tell }: ExchangeOptions, { connection }: Talk, salt: Uint8Array): Holdings {
  const { announcements, peers } = tell(connection);
  return { held: named(announcements, salt), peers };
}

async function give(
  talk: Talk,
  { held, peers }: Holdings,
  theirs: ReadonlySet<string>,
): Promise<void> {
  await send(talk, encodeExchange({ announcements: lackedBy(theirs, held), peers }));
}

async function take(options: ExchangeOptions, talk: Talk): Promise<void> {
  const message = await read(options, talk, decodeExchange);
  await options.onMessage(talk.connection, message);
}

function readInventory(options: ExchangeOptions, talk: Talk): Promise<Inventory> {
  return read(options, talk, decodeInventory);
}

async function read<T>(
  { onMalformed }: ExchangeOptions,
  { wire, connection, signal }: Talk,
  decode: (bytes: Uint8Array) => T | null,
): Promise<T> {
  const message = decode((await wire.read({ signal })).subarray());
  if (message !== null) return message;
  onMalformed(connection.remotePeer.toString());
  throw new Error("the peer sent something that is no message of an exchange");
}

async function send({ wire, signal }: Talk, bytes: Uint8Array): Promise<void> {
  await wire.write(bytes, { signal });
}
