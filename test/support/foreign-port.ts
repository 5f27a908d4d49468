import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** A port that somebody else serves: takes connections and says nothing, as a port of another program may. */
export interface ForeignPort {
  readonly address: string;
  /** Connections that came so far. */
  readonly visits: () => number;
  readonly close: () => void;
}

export async function foreignPort(): Promise<ForeignPort> {
  let visits = 0;
  const server = createServer((socket) => {
    visits += 1;
    socket.on("error", () => socket.destroy());
    // whoever hangs up is let go, so that the server can close
    socket.on("end", () => socket.end()).resume();
  });
  await listening(server);
  return {
    address: `/ip4/127.0.0.1/tcp/${portOf(server)}`,
    visits: () => visits,
    close: () => void server.close(),
  };
}

// --- internal ---

async function listening(server: Server): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}
