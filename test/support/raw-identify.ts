import { publicKeyToProtobuf } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { lpStream } from "@libp2p/utils";
import type { Identity } from "../../src/gossip/index.ts";
import type { RawPeer } from "./raw-peer.ts";

const IDENTIFY_PROTOCOL = "/ipfs/id/1.0.0";
/** What libp2p signs peer records under. */
const RECORD_DOMAIN = bytesOf("libp2p-peer-record");
const RECORD_TYPE = Uint8Array.of(3, 1);

/**
 * Answers identify by hand: the addresses are what a test wants, as bytes; the signed record beside them is in order,
 * so that libp2p stores that one and hands these on as they came.
 */
export async function identifyAs(
  node: RawPeer,
  { key }: Identity,
  addresses: readonly Uint8Array[],
): Promise<void> {
  const record = await signedRecord(key);
  await node.unhandle(IDENTIFY_PROTOCOL);
  await node.handle(IDENTIFY_PROTOCOL, async (stream) => {
    const { protocols } = await node.peerStore.get(node.peerId);
    const message = [
      field(1, publicKeyToProtobuf(key.publicKey)),
      ...addresses.map((address) => field(2, address)),
      ...protocols.map((protocol) => field(3, bytesOf(protocol))),
      field(5, bytesOf("ipfs/0.1.0")),
      field(6, bytesOf("adversary")),
      field(8, record),
    ];
    await lpStream(stream).write(Buffer.concat(message));
    await stream.close();
  });
}

/** A multiaddr of one component, given by its code, whose value need not make sense. */
export function rawComponent(code: number, value: Uint8Array): Uint8Array {
  return Uint8Array.from([...varint(code), ...sized(value)]);
}

// --- internal ---

/** A peer record without addresses in its signed envelope. */
async function signedRecord(key: Identity["key"]): Promise<Uint8Array> {
  const SEQUENCE = Uint8Array.of((2 << 3) | 0, 1);
  const peer = peerIdFromPrivateKey(key).toMultihash().bytes;
  const payload = Uint8Array.from([...field(1, peer), ...SEQUENCE]);
  const signed = [RECORD_DOMAIN, RECORD_TYPE, payload].flatMap((part) => [...sized(part)]);
  const signature = await key.sign(Uint8Array.from(signed));
  return Buffer.concat([
    field(1, publicKeyToProtobuf(key.publicKey)),
    field(2, RECORD_TYPE),
    field(3, payload),
    field(5, signature),
  ]);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A length-delimited field of protobuf. */
function field(number: number, value: Uint8Array): Uint8Array {
  return Uint8Array.from([...varint((number << 3) | 2), ...sized(value)]);
}

function sized(value: Uint8Array): Uint8Array {
  return Uint8Array.from([...varint(value.byteLength), ...value]);
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
