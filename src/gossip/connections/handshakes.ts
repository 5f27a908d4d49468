import assert from "node:assert/strict";
import type { MultiaddrConnection } from "@libp2p/interface";
import { hostGroup } from "./host-group.ts";
import { type RoomSize, WaitingRoom } from "./waiting-room.ts";

export interface HandshakeLimits {
  readonly room: RoomSize;
  /** Bytes that may come before the handshake has ended. */
  readonly maxBytes: number;
}

/**
 * Incoming connections that have said hello and not yet who they are. Each costs this node some milliseconds of
 * cryptography, so they are bounded in number, in bytes and in time.
 */
export class Handshakes {
  readonly #limits: HandshakeLimits;
  readonly #room: WaitingRoom<MultiaddrConnection>;

  constructor(limits: HandshakeLimits, onTurnedAway: (host: string, why: string) => void) {
    this.#limits = limits;
    this.#room = new WaitingRoom({
      size: limits.room,
      onSentAway: (connection, host, why) => {
        connection.abort(new Error(`a handshake ${why}`));
        onTurnedAway(host, why);
      },
    });
  }

  /** Whether a connection may begin; it is watched until it ends its handshake or closes. */
  begin(connection: MultiaddrConnection): boolean {
    const ip = connection.remoteAddr.getComponents()[0]?.value ?? "";
    if (!this.#room.enter(connection, hostGroup(ip))) return false;
    connection.addEventListener("close", () => this.#room.leave(connection));
    // every byte passes through onData; a listener would make the connection deliver before the handshake listens
    const wire = connection as unknown as { onData(data: Uint8Array): void };
    assert(typeof wire.onData === "function");
    const onData = wire.onData.bind(wire);
    wire.onData = (data) => {
      const said = this.#room.heard(connection, data.byteLength);
      if (said > this.#limits.maxBytes) this.#room.sendAway(connection, "said too much");
      else onData(data);
    };
    return true;
  }

  end(connection: MultiaddrConnection): void {
    this.#room.leave(connection);
  }
}
