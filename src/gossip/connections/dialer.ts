import type { Libp2p } from "@libp2p/interface";
import type { PeerId, Timestamp } from "../../types.ts";
import { type Log, reasonOf } from "../log.ts";
import { withPeer } from "./address.ts";
import type { DialPlan } from "./dial-plan.ts";

const MAX_PARALLEL_DIALS = 8;
/** The plan is looked at no more often than this. */
const LEAST_PAUSE_MS = 20;

export interface DialerOptions {
  readonly dialTimeoutMs: number;
  readonly maxPeers: number;
  readonly now: () => Timestamp;
  readonly log: Log;
}

/** Carries out a {@link DialPlan}: keeps this node connected with everybody whose address it knows. */
export class Dialer {
  readonly #node: Libp2p;
  readonly #plan: DialPlan;
  readonly #options: DialerOptions;
  readonly #ended = new AbortController();
  readonly #dials = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(node: Libp2p, plan: DialPlan, options: DialerOptions) {
    this.#node = node;
    this.#plan = plan;
    this.#options = options;
  }

  /** To be called after the plan changed: dials who is due and sets the timer for the next one. */
  wake(): void {
    if (this.#ended.signal.aborted) return;
    clearTimeout(this.#timer);
    const { now, maxPeers } = this.#options;
    const room = maxPeers - this.#node.getPeers().length - this.#dials.size;
    const turns = Math.min(room, MAX_PARALLEL_DIALS - this.#dials.size);
    for (const { peer, addresses } of this.#plan.take(now(), turns)) {
      const dial = this.#dial(peer, addresses).finally(() => {
        this.#dials.delete(dial);
        this.wake();
      });
      this.#dials.add(dial);
    }
    const due = this.#plan.nextDue();
    // without room the next disconnect or finished dial wakes the dialler
    if (due === null || turns <= 0) return;
    this.#timer = setTimeout(() => this.wake(), Math.max(LEAST_PAUSE_MS, due - now()));
  }

  /** Ends every attempt; resolves when none is left. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ended.abort();
    await Promise.all(this.#dials);
  }

  async #dial(peer: PeerId, addresses: readonly string[]): Promise<void> {
    const { dialTimeoutMs, now, log } = this.#options;
    const timeout = AbortSignal.timeout(dialTimeoutMs);
    try {
      await this.#node.dial(
        addresses.map((address) => withPeer(address, peer)),
        { signal: AbortSignal.any([timeout, this.#ended.signal]) },
      );
      this.#plan.connected(peer, now());
    } catch (error) {
      this.#plan.lost(peer, now());
      log.debug({ peer, addresses, reason: reasonOf(error) }, "could not connect");
    }
  }
}
