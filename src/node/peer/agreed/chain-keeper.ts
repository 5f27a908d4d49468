import {
  type Block,
  type ChainHead,
  genesis,
  headAfter,
  type Link,
  type Members,
} from "../../../consensus/index.ts";
import { KlatchError } from "../../../errors.ts";
import {
  type ChainEntry,
  decodeEntry,
  encodeBlock,
  formTrouble,
  sealCertificate,
} from "../../../gossip/index.ts";
import type { Digest } from "../../../types.ts";
import type { Store } from "../../store/contract.ts";
import { membersOf } from "./members-of.ts";

const FORM_HINT =
  "go on with the version that began the run, or begin the run anew in another data folder";

/** Blocks that are read from disk at a time. */
const PAGE = 256;

export interface ChainTerms {
  readonly run: Digest;
  /** Those of round 0. */
  readonly members: Members;
  /** Told once of each head that has other members than the one below. */
  readonly onMembers: (head: ChainHead) => void;
  /** Told once of each head by whose block the members have decided about the run. */
  readonly onDecided: (head: ChainHead) => void;
  /** Digest of the state that round 0 starts from. */
  readonly start: Digest;
}

/** The chain of final blocks, on disk. */
export class ChainKeeper {
  readonly #store: Store;
  readonly #terms: ChainTerms;
  #height = 0;

  constructor(store: Store, terms: ChainTerms) {
    this.#store = store;
    this.#terms = terms;
  }

  /** Height above the newest block that is known here: up to it the members are certain. */
  get height(): number {
    return this.#height;
  }

  /** The end of the chain below a height, or of all of it. */
  headBelow(height = Number.POSITIVE_INFINITY): ChainHead {
    const { run, start, members } = this.#terms;
    let head = genesis(run, start, members);
    for (;;) {
      const most = Math.min(PAGE, height - head.height);
      const links = most > 0 ? this.links(head.height, most) : [];
      if (links.length === 0) return head;
      for (const link of links) head = this.#after(head, link);
    }
  }

  /** The final blocks from a height on, as far as they can be read, with their bytes. */
  links(from: number, most = PAGE): readonly ChainEntry[] {
    const links: ChainEntry[] = [];
    for (const bytes of this.#store.chain(this.#terms.run, from, most)) {
      const entry = decodeEntry(bytes);
      const trouble = entry === null ? formTrouble(bytes.block) : null;
      if (trouble !== null) throw new KlatchError("incompatible", trouble, FORM_HINT);
      if (entry?.block.height !== from + links.length) break;
      links.push(entry);
    }
    return links;
  }

  /** Keeps final blocks above a head. */
  append(below: ChainHead, links: readonly Link[]): void {
    const { run } = this.#terms;
    const blocks = links.map(({ block, certificate }) => ({
      height: block.height,
      block: encodeBlock(block),
      certificate: sealCertificate(certificate, sizeOf(block)).bytes,
    }));
    this.#store.appendChain(run, blocks);
    let head = below;
    for (const link of links) head = this.#after(head, link);
  }

  // --- internal ---

  #after(below: ChainHead, link: Link): ChainHead {
    const head = headAfter(below, [link], membersOf(this.#terms.run));
    // whoever looks back at the chain below changes nothing that follows from its end
    if (head.height <= this.#height) return head;
    this.#height = head.height;
    if (head.members !== below.members) this.#terms.onMembers(head);
    if (head.decided !== below.decided) this.#terms.onDecided(head);
    return head;
  }
}

/** Members that the roster of a block has. */
export function sizeOf({ ballots }: Pick<Block, "ballots">): number {
  return ballots[0]?.opinions.length ?? 0;
}
