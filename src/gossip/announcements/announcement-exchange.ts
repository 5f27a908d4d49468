import type { Connection, Libp2p } from "@libp2p/interface";
import type { PeerId, Timestamp } from "../../types.ts";
import { Exchanges, type Talk } from "../connections/exchanges.ts";
import type { Log } from "../log.ts";
import {
  decodeExchange,
  type ExchangeMessage,
  encodeExchange,
  MAX_EXCHANGE_BYTES,
} from "./exchange-message.ts";

/**
 * Two peers give each other the announcements they hold. Gossip forgets within minutes and reaches only who is there;
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
  const { tell, onMessage, onMalformed } = options;
  const send = ({ wire, connection, signal }: Talk) =>
    wire.write(encodeExchange(tell(connection)), { signal });
  const receive = async ({ wire, connection, signal }: Talk) => {
    const message = decodeExchange((await wire.read({ signal })).subarray());
    if (message === null) {
      onMalformed(connection.remotePeer.toString());
      throw new Error("the peer sent something that is no exchange message");
    }
    await onMessage(connection, message);
  };
  return new Exchanges({
    ...options,
    protocol: EXCHANGE_PROTOCOL,
    maxBytes: MAX_EXCHANGE_BYTES,
    timeoutMs: TIMEOUT_MS,
    allowance: ALLOWANCE,
    ask: async (talk) => {
      await send(talk);
      await receive(talk);
    },
    answer: async (talk) => {
      await receive(talk);
      await send(talk);
    },
  });
}
