import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { KlatchError } from "../../errors.ts";
import type { AdmissionNetwork, FileOutcome } from "../../gossip/index.ts";
import type { ModelFile } from "../../training/index.ts";
import type { PeerId } from "../../types.ts";
import { freeBytes } from "../folders/free-bytes.ts";
import { syncFolder } from "../store/atomic-file.ts";
import { fileError, realFileSystem } from "../store/file-system.ts";
import { bytes as sizeText } from "../view/table.ts";
import { FetchProgress } from "./fetch-progress.ts";
import { bytesHere, FetchedFile, isHere } from "./fetched-file.ts";
import { totalBytes } from "./shared-files.ts";
import { Sources } from "./sources.ts";

/** What must stay free on the disk besides the model. */
const SPARE_BYTES = 2 ** 26;
/** Pauses after all were asked in vain: the first, and the longest; each is half as long again as the one before. */
const PAUSE = { firstMs: 500, mostMs: 15_000 };
/** How long nothing may come before it is given up. */
const PATIENCE_MS = 600_000;

export interface ModelFetch {
  /** As the run's creator listed them. */
  readonly files: readonly ModelFile[];
  /** Where they are to lie; nothing else does. */
  readonly folder: string;
  /** Who is asked, the first the first. */
  readonly sources: readonly PeerId[];
  readonly network: Pick<AdmissionNetwork, "fetchFile">;
  /** Told what comes and what is waited for. */
  readonly tell: (sentence: string) => void;
  /** How long nothing may come, milliseconds. */
  readonly patienceMs?: number;
}

/** What came of it. */
export interface FetchedModel {
  readonly files: number;
  readonly bytes: number;
  /** Of these, what came now: the rest was here. */
  readonly received: number;
  readonly from: readonly PeerId[];
}

/**
 * Brings the files of a model from members of its run, each checked by its digest before it has its name. May end at
 * any moment and be begun again: it goes on where it was.
 *
 * @throws KlatchError `disk` where there is no room, `network` when nothing comes for too long or nobody has a file,
 *   `data` when all send something else; the signal's reason
 */
export async function fetchModel(fetch: ModelFetch, signal: AbortSignal): Promise<FetchedModel> {
  const { files, folder, tell } = fetch;
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw fileError(error, folder);
  });
  const total = totalBytes(files);
  const present = await room(files, folder);
  const some = present === 0 ? "" : `; ${sizeText(present)} are here from before`;
  tell(`fetches the model from the peers: ${files.length} files, ${sizeText(total)}${some}`);
  const fetching = new Fetching(fetch, new FetchProgress(total, tell));
  for (const file of files) await fetching.bring(file, signal);
  syncFolder(realFileSystem, folder);
  const { received, from } = fetching;
  tell(`the model is here, each file checked by its digest: ${folder}`);
  return { files: files.length, bytes: total, received, from: [...from] };
}

// --- internal ---

/** Bytes that are here already, where there is room for the others. */
async function room(files: readonly ModelFile[], folder: string): Promise<number> {
  let present = 0;
  for (const file of files) present += await bytesHere(folder, file);
  const missing = totalBytes(files) - present;
  const free = freeBytes(folder);
  if (missing === 0 || free === null || free >= missing + SPARE_BYTES) return present;
  throw new KlatchError(
    "disk",
    `${sizeText(missing)} of the model are still to come and ${folder} has ${sizeText(free)} free`,
    "free some space, or name a dataDir on another disk (--data-dir)",
  );
}

class Fetching {
  readonly #fetch: ModelFetch;
  readonly #progress: FetchProgress;
  readonly from = new Set<PeerId>();
  received = 0;

  constructor(fetch: ModelFetch, progress: FetchProgress) {
    this.#fetch = fetch;
    this.#progress = progress;
  }

  async bring(file: ModelFile, signal: AbortSignal): Promise<void> {
    const { folder } = this.#fetch;
    if (await isHere(folder, file, signal)) return this.#progress.add(file.bytes);
    const target = await FetchedFile.open(folder, file, signal);
    this.#progress.add(target.received);
    try {
      await this.#fill(target, file, signal);
    } finally {
      await target.close();
    }
  }

  /** From one source after the other until the file is whole and right. */
  async #fill(target: FetchedFile, file: ModelFile, signal: AbortSignal): Promise<void> {
    const { patienceMs = PATIENCE_MS, tell } = this.#fetch;
    const sources = new Sources(this.#inOrder(), file.name, { patienceMs, tell });
    let pauseMs = PAUSE.firstMs;
    while (true) {
      const source = sources.next();
      const before = target.received;
      const outcome = await this.#pull(target, file, source, signal);
      const whole = target.received;
      if (outcome.ok && (await target.finish())) return;
      // a trickle is no progress: it would keep this waiting for as long as the peer likes
      const isProgress = !outcome.ok && outcome.failure !== "timeout" && whole > before;
      if (isProgress) pauseMs = PAUSE.firstMs;
      this.#progress.add(target.received - whole);
      const isRound = sources.failed(source, outcome, isProgress);
      if (!isRound) continue;
      await delay(pauseMs, undefined, { signal });
      pauseMs = Math.min(PAUSE.mostMs, 1.5 * pauseMs);
    }
  }

  #gave(source: PeerId): void {
    this.from.delete(source);
    this.from.add(source);
  }

  /** Who gave something last is asked first. */
  #inOrder(): readonly PeerId[] {
    const { sources } = this.#fetch;
    const last = [...this.from].at(-1);
    return last === undefined ? sources : [last, ...sources.filter((each) => each !== last)];
  }

  async #pull(
    target: FetchedFile,
    { name, sha256 }: ModelFile,
    source: PeerId,
    signal: AbortSignal,
  ): Promise<FileOutcome> {
    if (target.received === target.size) return { ok: true };
    const counted = {
      size: target.size,
      get received() {
        return target.received;
      },
      append: async (part: Uint8Array) => {
        await target.append(part);
        this.#gave(source);
        this.received += part.byteLength;
        this.#progress.came(part.byteLength, name, source);
      },
    };
    const until = AbortSignal.any([signal, target.failed]);
    const outcome = await this.#fetch.network.fetchFile(source, sha256, counted, { signal: until });
    until.throwIfAborted();
    return outcome;
  }
}
