import { z } from "zod";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { addressesOfPeer, MAX_ADDRESS_LENGTH, type PeerAddresses } from "../connections/address.ts";
import { namesField, namesOf, saltField } from "../connections/inventory.ts";
import { peerIdOf, publicKeyOf } from "../keys/identity.ts";
import { MAX_ANNOUNCEMENT_BYTES } from "./announcement.ts";

/** Largest message of the exchange protocol. */
export const MAX_EXCHANGE_BYTES = 512 * 1024;
/** Announcements and peers in one message; together they fit in {@link MAX_EXCHANGE_BYTES} with room to spare. */
const MAX_ANNOUNCEMENTS = 512;
const MAX_ANNOUNCEMENT_SHARE = 256 * 1024;
const MAX_PEERS = 256;
const MAX_PEER_ADDRESSES = 4;
const MAX_ADDRESS_SHARE = 128 * 1024;
const VERSION = 1;

/** What two peers tell each other when they meet: the announcements they hold, and where others can be reached. */
export interface ExchangeMessage {
  readonly announcements: readonly Uint8Array[];
  readonly peers: readonly PeerAddresses[];
}

/** What a side holds, said first: by names that the opener's salt makes. */
export interface Inventory {
  readonly salt: Uint8Array;
  readonly names: ReadonlySet<string>;
}

const inventorySchema = z
  .tuple([z.literal(VERSION), saltField, namesField(MAX_ANNOUNCEMENTS)])
  .transform(([, salt, names]): Inventory => ({ salt, names }));

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

const schema = z.tuple([
  z.literal(VERSION),
  z
    .array(z.custom<Uint8Array>((v) => isBytes(v) && v.byteLength <= MAX_ANNOUNCEMENT_BYTES))
    .max(MAX_ANNOUNCEMENTS),
  z
    .array(
      z.tuple([
        z.custom<Uint8Array>((v) => isBytes(v) && v.byteLength === 32),
        // texts, which may be addresses: those of a later version, or of a liar, must not cost the others
        z.array(z.string().max(MAX_ADDRESS_LENGTH)).max(MAX_PEER_ADDRESSES),
      ]),
    )
    .max(MAX_PEERS),
]);

/** Canonical CBOR of the names of what is held; those beyond the limit are left out. */
export function encodeInventory(salt: Uint8Array, held: ReadonlyMap<string, unknown>): Uint8Array {
  const known = new Map([...held].slice(0, MAX_ANNOUNCEMENTS));
  return encodeCanonical([VERSION, salt, namesOf(known)]);
}

/** Reads an inventory; null when it is malformed or exceeds a limit. Never throws. */
export function decodeInventory(bytes: Uint8Array): Inventory | null {
  return inventorySchema.safeParse(decodeCanonical(bytes)).data ?? null;
}

/** Canonical CBOR of a message. What exceeds the limits is left out, the first entries stay. */
export function encodeExchange({ announcements, peers }: ExchangeMessage): Uint8Array {
  const told = peers.map(({ peer, addresses }) => ({
    peer,
    texts: addresses.slice(0, MAX_PEER_ADDRESSES).map(({ text }) => text),
  }));
  return encodeCanonical([
    VERSION,
    within(announcements, MAX_ANNOUNCEMENTS, MAX_ANNOUNCEMENT_SHARE, (a) => a.byteLength + 3),
    within(told, MAX_PEERS, MAX_ADDRESS_SHARE, ({ texts }) => texts.join().length + 64).map(
      ({ peer, texts }) => [publicKeyOf(peer).raw, texts],
    ),
  ]);
}

/**
 * Reads a message; null when it is malformed or exceeds a limit. What is said of a peer and is no address, or
 * another's, is left out. Never throws.
 */
export function decodeExchange(bytes: Uint8Array): ExchangeMessage | null {
  if (bytes.byteLength > MAX_EXCHANGE_BYTES) return null;
  const parsed = schema.safeParse(decodeCanonical(bytes));
  if (!parsed.success) return null;
  const [, announcements, peers] = parsed.data;
  return {
    announcements,
    peers: peers.map(([key, texts]) => {
      const peer = peerIdOf(key);
      return { peer, addresses: addressesOfPeer(texts, peer) };
    }),
  };
}

function within<T>(
  items: readonly T[],
  most: number,
  share: number,
  sizeOf: (item: T) => number,
): readonly T[] {
  let total = 0;
  return items.slice(0, most).filter((item) => {
    total += sizeOf(item);
    return total <= share;
  });
}
