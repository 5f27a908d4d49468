import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** Every TCP socket that is open in this process, on whichever end. */
const open = new Set<Socket>();

for (const channel of ["net.client.socket", "net.server.socket"]) {
  subscribe(channel, (message) => {
    const { socket } = message as { readonly socket: Socket };
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
}

/** Breaks all of them at once, as a network that fails for a moment does; returns how many. */
export function resetLinks(): number {
  const sockets = [...open];
  for (const socket of sockets) socket.resetAndDestroy();
  return sockets.length;
}
