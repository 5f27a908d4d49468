import type { PeerId, Timestamp } from "../../types.ts";
import type { Refusal } from "../contract.ts";
import type { Log } from "../log.ts";
import type { ConnectionCut } from "./connection-cut.ts";
import { TokenBuckets } from "./token-bucket.ts";

/** Provably wrong messages that are put up with; then the peer is disconnected and refused for a while. */
const STRIKES = { burst: 20, refillMs: 30_000 };
const REFUSAL_MS = 5 * 60_000;

export interface DisciplineOptions {
  readonly listeners: { refused(from: PeerId, refusal: Refusal): void };
  readonly log: Log;
  readonly now: () => Timestamp;
  /** Disconnects a peer and refuses it until then. */
  readonly refuse: (peer: PeerId, until: Timestamp) => void;
}

/** What follows for a peer from what it sends: the owner is told, and who goes on with it is refused for a while. */
export class Discipline {
  readonly #options: DisciplineOptions;
  readonly #strikes = new TokenBuckets(STRIKES);

  constructor(options: DisciplineOptions) {
    this.#options = options;
  }

  readonly onRefused = (from: PeerId, refusal: Refusal): void => {
    const { listeners, now, log } = this.#options;
    listeners.refused(from, refusal);
    if (refusal.verdict !== "reject" || this.#strikes.take(from, now())) return;
    const facts = { peer: from, reason: refusal.reason };
    log.warn(facts, "too many wrong messages: refused for a while");
    this.#refuse(from);
  };

  readonly onMalformed = (from: PeerId): void => {
    this.onRefused(from, { verdict: "reject", reason: "malformed" });
  };

  readonly onFlood = (from: PeerId): void => {
    const { log, listeners } = this.#options;
    log.warn({ peer: from }, "floods this node with messages: refused for a while");
    listeners.refused(from, { verdict: "ignore", reason: "flood", author: from });
    this.#refuse(from);
  };

  /** One of this node's limits has ended a connection. */
  cut(peer: PeerId, { reason, message }: ConnectionCut): void {
    this.#options.log.warn({ peer, reason, why: message }, "cut a connection");
    this.onRefused(peer, { verdict: reason === "flood" ? "reject" : "ignore", reason });
  }

  #refuse(peer: PeerId): void {
    this.#options.refuse(peer, this.#options.now() + REFUSAL_MS);
  }
}
