import assert from "node:assert/strict";
import { Server, type Socket } from "node:net";
import type { AbortOptions, Listener, Transport } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { hostGroup } from "./host-group.ts";
import { type RoomSize, WaitingRoom } from "./waiting-room.ts";

/** The first that a dialler says: that it speaks multistream, and Noise, which is all that is spoken here. */
const GREETING = Buffer.from("\x13/multistream/1.0.0\n\x07/noise\n");
/** With a network key the greeting is encrypted, and a nonce comes before it. */
const NONCE_BYTES = 24;

export interface DoorstepOptions {
  readonly backlog: number;
  readonly size: RoomSize;
  readonly hasNetworkKey: boolean;
  /** Whether whoever comes from a host is listened to. */
  readonly isOpenTo: (host: string) => boolean;
  readonly onTurnedAway: (host: string, why: string) => void;
}

type Components = Parameters<ReturnType<typeof tcp>>[0];

/**
 * TCP that hands an incoming connection on when it has said what every dialler says first. For libp2p a connection is
 * one of `maxIncomingPendingConnections` from its first moment, so that whoever says nothing keeps members out; and
 * proposals of protocols are answered (`handle` of @libp2p/multistream-select 7) without a turn of the event loop in
 * between, so that a few thousand of them keep out everybody.
 */
export function tcpWithDoorstep(options: DoorstepOptions): (components: Components) => Transport {
  const make = tcp({ backlog: options.backlog });
  if (options.size.maxGuests === Number.POSITIVE_INFINITY) return make;
  return (components) => {
    const transport = make(components);
    const createListener = transport.createListener.bind(transport);
    transport.createListener = (choices) => guard(createListener(choices), options);
    return transport;
  };
}

// --- internal ---

/** Puts a waiting room between a listener's server and the listener. */
function guard(
  listener: Listener,
  { size, hasNetworkKey, isOpenTo, onTurnedAway }: DoorstepOptions,
): Listener {
  const { server } = listener as unknown as { readonly server: unknown };
  assert(server instanceof Server, "the TCP listener of libp2p has no server any more");
  const [handOn, ...others] = server.listeners("connection") as ((socket: Socket) => void)[];
  assert(handOn !== undefined && others.length === 0);
  const room = new WaitingRoom<Socket>({
    size,
    onSentAway: (socket, host, why) => {
      socket.resetAndDestroy();
      onTurnedAway(host, why);
    },
  });
  const expected = hasNetworkKey ? NONCE_BYTES : GREETING;
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    // what goes wrong with a connection that nobody has yet is nobody's concern
    socket.on("error", ignore);
    const host = hostGroup(socket.remoteAddress ?? "");
    if (isOpenTo(host) && room.enter(socket, host)) {
      awaitGreeting(socket, expected, room, () => {
        socket.off("error", ignore);
        if (server.listening) handOn.call(server, socket);
        else socket.destroy();
      });
    } else socket.resetAndDestroy();
  });
  const close: (choices?: AbortOptions) => Promise<void> = listener.close.bind(listener);
  // the server waits for its connections to end, and of these the listener knows nothing
  listener.close = (choices?: AbortOptions) => {
    room.sendAllAway("came when the node stopped");
    return close(choices);
  };
  return listener;
}

/** Lets a socket out of the room when so many bytes have come, or just these; they are still to be read then. */
function awaitGreeting(
  socket: Socket,
  expected: number | Buffer,
  room: WaitingRoom<Socket>,
  onGreeted: () => void,
): void {
  const length = typeof expected === "number" ? expected : expected.byteLength;
  const leave = () => room.leave(socket);
  const listen = () => {
    const first: Buffer | null = socket.read(length);
    if (first === null) return;
    if (typeof expected !== "number" && !first.equals(expected)) {
      room.sendAway(socket, "said something else than hello");
      return;
    }
    leave();
    socket.off("readable", listen).off("close", leave);
    socket.unshift(first);
    // from a microtask, so that all of libp2p listens before the first byte comes
    queueMicrotask(onGreeted);
  };
  socket.on("readable", listen).on("close", leave);
}

function ignore(): void {}
