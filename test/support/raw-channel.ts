import { connect, type Socket } from "node:net";
import { noise } from "@chainsafe/libp2p-noise";
import type { Ed25519PrivateKey, MessageStream, MultiaddrConnection } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { byteStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";

/** A line of multistream. */
export function line(text: string): Buffer {
  const bytes = Buffer.from(`${text}\n`);
  return Buffer.concat([Buffer.of(bytes.byteLength), bytes]);
}

/** How a dialler begins to negotiate a protocol. */
export function proposal(protocol: string): Buffer {
  return Buffer.concat([line("/multistream/1.0.0"), line(protocol)]);
}

const quiet = Object.assign(() => undefined, {
  error: () => undefined,
  trace: () => undefined,
  enabled: false,
  newScope: () => quiet,
}) as never;
const logger = { forComponent: () => quiet } as never;

/** A connection up to its encrypted channel, with nothing above that. */
export interface RawConnection {
  readonly socket: MultiaddrConnection;
  readonly channel: MessageStream;
}

const connections = new Set<RawConnection>();
const sockets = new Set<Socket>();

/** Dials with that key, shakes hands as everybody does, and leaves what is said then to the caller. */
export async function rawConnection(
  address: string,
  key: Ed25519PrivateKey,
): Promise<RawConnection> {
  const upgrader = { getStreamMuxers: () => new Map([["/yamux/1.0.0", {}]]) };
  const encrypter = noise()({ privateKey: key, logger, upgrader } as never);
  const signal = AbortSignal.timeout(20_000);
  const upgradeOutbound = async (socket: MultiaddrConnection): Promise<RawConnection> => {
    const bytes = byteStream(socket);
    const hello = proposal("/noise");
    await bytes.write(hello, { signal });
    await bytes.read({ bytes: hello.byteLength, signal });
    const { connection } = await encrypter.secureOutbound(bytes.unwrap(), { signal });
    return { socket, channel: connection };
  };
  const options = { signal, upgrader: { upgradeOutbound } } as never;
  const transport = tcp()({ logger } as never);
  const raw = (await transport.dial(multiaddr(address), options)) as unknown as RawConnection;
  connections.add(raw);
  return raw;
}

/** The same once the other side has said its first, by when it knows who is there; fails when it closes instead. */
export async function rawMember(address: string, key: Ed25519PrivateKey): Promise<RawConnection> {
  const raw = await rawConnection(address, key);
  await new Promise<void>((resolve, reject) => {
    raw.channel.addEventListener("message", () => resolve(), { once: true });
    raw.channel.addEventListener("close", () => reject(new Error("refused")), { once: true });
  });
  return raw;
}

/** Sends bytes again and again until the other side closes; reads nothing from now on. */
export async function pour({ socket, channel }: RawConnection, bytes: Uint8Array): Promise<void> {
  socket.pause();
  while (socket.status === "open") {
    const goOn = channel.send(bytes);
    await (goOn ? new Promise((resolve) => setImmediate(resolve)) : drained(channel));
  }
}

async function drained(channel: MessageStream): Promise<void> {
  await new Promise<void>((resolve) => {
    channel.addEventListener("drain", () => resolve(), { once: true });
    channel.addEventListener("close", () => resolve(), { once: true });
  });
}

export const FRAME = { data: 0, window: 1, ping: 2 } as const;
export const FLAG = { none: 0, syn: 1 } as const;

/** The header of a Yamux frame. */
export function header(type: number, flag: number, stream: number, length: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt8(type, 1);
  bytes.writeUInt16BE(flag, 2);
  bytes.writeUInt32BE(stream, 4);
  bytes.writeUInt32BE(length, 8);
  return bytes;
}

/** So many pieces as one. */
export function many(count: number, make: (index: number) => Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
}

/** A TCP connection that has said these bytes, from one of this machine's own addresses. */
export function knock(port: number, bytes: Uint8Array, localAddress = "127.0.0.1"): Socket {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  sockets.add(socket);
  socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  socket.write(bytes);
  return socket;
}

/** Resolves when the socket is closed, by whomever and however. */
export async function gone(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once("close", resolve));
}

/** Closes everything that a test opened. */
export function leaveAll(): void {
  for (const { socket } of connections) socket.abort(new Error("the test has ended"));
  for (const socket of sockets) socket.destroy();
  connections.clear();
  sockets.clear();
}
