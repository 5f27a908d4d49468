import assert from "node:assert/strict";
import type { MultiaddrConnection } from "@libp2p/interface";
import type { Timestamp } from "../../types.ts";
import { HandshakeAllowance, type HandshakeRates } from "./handshake-allowance.ts";
import { hostGroup } from "./host-group.ts";
import { type RoomSize, WaitingRoom } from "./waiting-room.ts";

export interface HandshakeLimits {
  readonly rates: HandshakeRates;
  readonly room: RoomSize;
  /** Bytes that may come before the handshake has ended. */
  readonly maxBytes: number;
}

export interface HandshakesOptions {
  readonly limits: HandshakeLimits;
  readonly now: () => Timestamp;
  readonly onTurnedAway: (host: string, why: string) => void;
}

/**
 * Incoming connections that have said hello and not yet who they are. Each costs this node some milliseconds of
 * cryptography, so they are bounded in number, in bytes, in time, and in how often a host may begin one in vain.
 */
export class Handshakes {
  readonly #limits: HandshakeLimits;
  readonly #room: WaitingRoom<MultiaddrConnection>;
  readonly #allowance: HandshakeAllowance;
  readonly #options: HandshakesOptions;

  constructor(options: HandshakesOptions) {
    const { limits, onTurnedAway } = options;
    this.#options = options;
    this.#limits = limits;
    this.#allowance = new HandshakeAllowance(limits.rates);
    this.#room = new WaitingRoom({
      size: limits.room,
      onSentAway: (connection, host, why) => {
        connection.abort(new Error(`a handshake ${why}`));
        onTurnedAway(host, why);
      },
    });
  }

  /** Whether a host may begin another, as far as is known before it has said a word. */
  isOpenTo(host: string): boolean {
    const isOpen = this.#allowance.has(host, this.#options.now());
    if (!isOpen) this.#options.onTurnedAway(host, TOO_MANY);
    return isOpen;
  }

  /** Whether a connection may begin; it is watched until it ends its handshake or closes. */
  begin(connection: MultiaddrConnection): boolean {
    const host = hostOf(connection);
    const { now, onTurnedAway } = this.#options;
    if (!this.#allowance.take(host, now())) {
      onTurnedAway(host, TOO_MANY);
      return false;
    }
    if (!this.#room.enter(connection, host)) return false;
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

  /** An incoming connection is a member's, and stays. */
  end(connection: MultiaddrConnection): void {
    this.#room.leave(connection);
    this.#allowance.isHome(hostOf(connection), { hasBegun: true });
  }

  /** A connection that this node opened is a member's. */
  reached(connection: MultiaddrConnection): void {
    this.#allowance.isHome(hostOf(connection), { hasBegun: false });
  }
}

// --- internal ---

const TOO_MANY = "began too many handshakes in vain";

function hostOf({ remoteAddr }: MultiaddrConnection): string {
  return hostGroup(remoteAddr.getComponents()[0]?.value ?? "");
}
