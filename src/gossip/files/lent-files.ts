import type { Digest, PeerId } from "../../types.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { FileLender, GivenFile } from "../contract.ts";
import { MAX_CHUNK_BYTES } from "../payloads/payload-protocol.ts";
import type { ChunkStore } from "../payloads/payload-server.ts";

/** How often a peer may have everything at once, which it needs once; then a chunk a second. */
const COPIES = 4;
const SPARE_CHUNKS = 64;
const REFILL_MS = 1000;

export interface LentFilesOptions {
  /** Milliseconds of a clock. */
  readonly now: () => number;
  /** Told when a peer asks for something that it is not given, and why. */
  readonly onRefused: (peer: PeerId, why: string) => void;
}

/** The files of a lender as a server of chunks asks for them: opened once, closed until then, and not without end. */
export class LentFiles implements ChunkStore {
  readonly #lender: FileLender;
  readonly #options: LentFilesOptions;
  readonly #allowance: TokenBuckets;
  readonly #opened = new Map<Digest, GivenFile | null>();
  readonly #opening = new Map<Digest, Promise<void>>();

  constructor(lender: FileLender, options: LentFilesOptions) {
    this.#lender = lender;
    this.#options = options;
    const chunks = [...lender.files.values()].map((bytes) => Math.ceil(bytes / MAX_CHUNK_BYTES));
    const burst = COPIES * chunks.reduce((sum, each) => sum + each, SPARE_CHUNKS);
    this.#allowance = new TokenBuckets({ burst, refillMs: REFILL_MS });
  }

  look(digest: Digest, peer: PeerId): GivenFile | "closed" | "unknown" {
    const { now, onRefused } = this.#options;
    const refuse = (why: string) => {
      onRefused(peer, why);
      return "unknown" as const;
    };
    if (!this.#lender.isFor(peer)) return refuse("it has no seat");
    if (!this.#lender.files.has(digest)) return refuse("no such file is given");
    const file = this.#opened.get(digest);
    if (file === null) return refuse("the file is not what it was");
    if (file !== undefined) {
      return this.#allowance.take(peer, now()) ? file : refuse("it has had all several times");
    }
    if (!this.#opening.has(digest)) this.#opening.set(digest, this.#open(digest));
    return "closed";
  }

  async change(digest: Digest, waitMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const timer = setTimeout(wake, waitMs);
    signal.addEventListener("abort", wake, { once: true });
    if (signal.aborted) resolve();
    await Promise.race([promise, this.#opening.get(digest) ?? Promise.resolve()]);
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
  }

  async #open(digest: Digest): Promise<void> {
    this.#opened.set(digest, await this.#lender.open(digest));
    this.#opening.delete(digest);
  }
}
