import type { Server } from "node:http";
import type { Socket } from "node:net";

/**
 * Bounds the connections of a server: a new one takes the place of the one that has asked nothing for longest, so that
 * whoever opens very many and says nothing keeps nobody out. One that is being answered stays.
 */
export function limitConnections(server: Server, most: number): void {
  const answered = new Set<Socket>();
  /** The others, since when in order. */
  const waiting = new Set<Socket>();
  server.on("connection", (socket) => {
    waiting.add(socket);
    socket.on("close", () => {
      answered.delete(socket);
      waiting.delete(socket);
    });
    if (answered.size + waiting.size <= most) return;
    const [longest = socket] = waiting;
    waiting.delete(longest);
    longest.destroy();
  });
  server.on("request", ({ socket }, response) => {
    waiting.delete(socket);
    answered.add(socket);
    response.on("close", () => {
      answered.delete(socket);
      if (!socket.destroyed) waiting.add(socket);
    });
  });
}
