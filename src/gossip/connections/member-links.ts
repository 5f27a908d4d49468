import type { MultiaddrConnection } from "@libp2p/interface";
import type { PeerId } from "../../types.ts";

export interface MemberLinksOptions {
  readonly most: number;
  /** Ends those of a peer's connections that do not answer. */
  readonly probe: (peer: PeerId) => Promise<void>;
}

/**
 * How many connections each peer has; libp2p bounds only those of everybody together. Two peers that dial each other at
 * once have two, and both stay; a third is refused. A peer that was cut off without a word (power, a cable) and comes
 * back finds its old ones still here, so these are asked whether they are alive before the new one is refused.
 */
export class MemberLinks {
  readonly #links = new Map<PeerId, Set<MultiaddrConnection>>();
  readonly #probing = new Set<PeerId>();
  readonly #options: MemberLinksOptions;

  constructor(options: MemberLinksOptions) {
    this.#options = options;
  }

  count(peer: PeerId): number {
    return this.#links.get(peer)?.size ?? 0;
  }

  /** Whether the peer may have this connection too; if so it is counted until it closes. */
  async admit(peer: PeerId, connection: MultiaddrConnection): Promise<boolean> {
    if (this.#add(peer, connection)) return true;
    if (this.#probing.has(peer)) return false;
    this.#probing.add(peer);
    try {
      await this.#options.probe(peer);
    } finally {
      this.#probing.delete(peer);
    }
    return this.#add(peer, connection);
  }

  #add(peer: PeerId, connection: MultiaddrConnection): boolean {
    if (connection.status !== "open" || this.count(peer) >= this.#options.most) return false;
    const links = this.#links.get(peer) ?? new Set();
    this.#links.set(peer, links.add(connection));
    connection.addEventListener("close", () => {
      links.delete(connection);
      if (links.size === 0 && this.#links.get(peer) === links) this.#links.delete(peer);
    });
    return true;
  }
}
