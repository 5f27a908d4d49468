import { type ChainHead, genesis, headAfter, type Link } from "../../../consensus/index.ts";
import {
  type ChainEntry,
  decodeEntry,
  encodeBlock,
  sealCertificate,
} from "../../../gossip/index.ts";
import type { Digest, PeerId } from "../../../types.ts";
import type { Store } from "../../store/contract.ts";

/** Blocks that are read from disk at a time. */
const PAGE = 256;

export interface ChainTerms {
  readonly run: Digest;
  /** Sorted by peer id. */
  readonly roster: readonly PeerId[];
  /** Digest of the state that round 0 starts from. */
  readonly start: Digest;
}

/** The chain of final blocks, on disk. */
export class ChainKeeper {
  readonly #store: Store;
  readonly #terms: ChainTerms;

  constructor(store: Store, terms: ChainTerms) {
    this.#store = store;
    this.#terms = terms;
  }

  /** The end of the chain below a height, or of all of it. */
  headBelow(height = Number.POSITIVE_INFINITY): ChainHead {
    const { run, start, roster } = this.#terms;
    let head = genesis(run, start, roster.length);
    for (;;) {
      const most = Math.min(PAGE, height - head.height);
      const links = most > 0 ? this.links(head.height, most) : [];
      if (links.length === 0) return head;
      head = headAfter(head, links);
    }
  }

  /** The final blocks from a height on, as far as they can be read, with their bytes. */
  links(from: number, most = PAGE): readonly ChainEntry[] {
    const links: ChainEntry[] = [];
    for (const bytes of this.#store.chain(this.#terms.run, from, most)) {
      const entry = decodeEntry(bytes);
      if (entry?.block.height !== from + links.length) break;
      links.push(entry);
    }
    return links;
  }

  append(links: readonly Link[]): void {
    const { run, roster } = this.#terms;
    const blocks = links.map(({ block, certificate }) => ({
      height: block.height,
      block: encodeBlock(block),
      certificate: sealCertificate(certificate, roster.length).bytes,
    }));
    this.#store.appendChain(run, blocks);
  }
}
