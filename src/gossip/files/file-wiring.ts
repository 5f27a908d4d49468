import type { Connection, Stream } from "@libp2p/interface";
import type { Digest, PeerId, Timestamp } from "../../types.ts";
import type { NetworkConfig } from "../config.ts";
import type { KlatchNode } from "../connections/libp2p-node.ts";
import { TokenBuckets } from "../connections/token-bucket.ts";
import type { FileLender, FileOutcome, FileTarget } from "../contract.ts";
import type { Log } from "../log.ts";
import { PayloadFetcher } from "../payloads/payload-fetch.ts";
import { FILE_PROTOCOL, MAX_CHUNK_BYTES } from "../payloads/payload-protocol.ts";
import { PayloadServer } from "../payloads/payload-server.ts";
import { LentFiles } from "./lent-files.ts";

/** Files to others at a time, each a chunk of memory; a peer has one, and keeps it so long while others come. */
const SERVES = { maxServes: 4, maxServesPerPeer: 1, transferTurnMs: 60_000 };
/** How long a peer waits until a file was read once for its digest: some gigabytes. */
const OPEN_WAIT_MS = 600_000;
/** Refusals of one peer that are logged: one, and another a minute later. */
const TOLD = { burst: 1, refillMs: 60_000 };

export interface FileWiringOptions {
  readonly config: NetworkConfig;
  readonly node: KlatchNode;
  readonly log: Log;
  readonly now: () => Timestamp;
  readonly random: () => number;
  /** What is given to others; null where nothing is. */
  readonly files: FileLender | null;
  readonly openStream: (peer: PeerId, signal: AbortSignal) => Promise<Stream>;
  readonly onMalformed: (from: PeerId) => void;
}

/** Speaks {@link FILE_PROTOCOL} on both ends: what payloads speak, of files that nobody has in memory. */
export class FileWiring {
  readonly #options: FileWiringOptions;
  readonly #fetcher: PayloadFetcher;
  readonly #server: PayloadServer | null;
  readonly #told = new TokenBuckets(TOLD);

  constructor(options: FileWiringOptions) {
    const { config, files, now } = options;
    this.#options = options;
    this.#fetcher = new PayloadFetcher({
      ...{ ...config, chunkBytes: MAX_CHUNK_BYTES, openWaitMs: OPEN_WAIT_MS },
      ...{ random: options.random, openStream: options.openStream },
    });
    const onRefused = (peer: PeerId, why: string) => this.#refused(peer, why);
    const serving = { ...config, ...SERVES, openWaitMs: OPEN_WAIT_MS, unknownWaitMs: 0 };
    this.#server =
      files &&
      new PayloadServer(new LentFiles(files, { now, onRefused }), { ...serving, ...options });
  }

  /** Serves from now on, where there is something to be given. */
  async begin(): Promise<void> {
    const { node, files } = this.#options;
    const server = this.#server;
    if (files === null || server === null) return;
    const handle = async (stream: Stream, connection: Connection) => {
      const peer = connection.remotePeer.toString();
      if (files.isFor(peer)) return server.handle(stream, connection);
      this.#refused(peer, "it has no seat");
      await server.turnAway(stream, peer, "missing");
    };
    await node.handle(FILE_PROTOCOL, handle, { maxInboundStreams: 4 });
  }

  /** Whether a transfer to a peer is under way. */
  isServing(peer: PeerId): boolean {
    return this.#server?.isServing(peer) ?? false;
  }

  /** Never rejects. */
  fetch(
    peer: PeerId,
    digest: Digest,
    target: FileTarget,
    signal: AbortSignal,
  ): Promise<FileOutcome> {
    return this.#fetcher.fetchInto(target, peer, digest, signal);
  }

  end(): void {
    this.#server?.stop();
  }

  #refused(peer: PeerId, why: string): void {
    const { log, now } = this.#options;
    if (this.#told.take(peer, now())) log.warn({ peer, why }, "refused a file to a peer");
  }
}
