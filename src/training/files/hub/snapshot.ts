import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KlatchError } from "../../../errors.ts";
import { fileError, makeFolder } from "../file-access.ts";
import { shardNames } from "../weights.ts";
import { CachedRepository, type Snapshot } from "./cache.ts";
import { HubClient, type HubFile } from "./client.ts";
import { bytesPresent, downloadFile } from "./download.ts";
import { withLock } from "./lock.ts";
import type { HubModel } from "./model-id.ts";
import type { HubOptions } from "./options.ts";
import { selectFiles } from "./selection.ts";

/** What must stay free on the disk besides the model. */
const SPARE_BYTES = 1 << 26;
const MIB = 2 ** 20;

/** Looks at the small files of a model before its weights are fetched; throws to refuse it. */
export type Inspect = (folder: string) => Promise<unknown>;

/**
 * A model from the hub as a folder. It comes from the cache when the revision was fetched before, else from the
 * network. A branch or tag is pinned: it stays at the commit where it was first used.
 *
 * @throws KlatchError `usage` without a cache folder; `network` without connection, or offline and not in the
 *   cache; `permission` for a gated model; `data` for a missing one; `incompatible` for one that cannot be read;
 *   `disk` when there is no space
 */
export async function fetchSnapshot(
  model: HubModel,
  options: HubOptions,
  inspect: Inspect,
): Promise<Snapshot> {
  const repository = new CachedRepository(requireCache(model, options), model.id);
  const cached = await repository.find(model);
  if (cached !== null) return cached;
  if (options.offline) throw notCached(model, options);
  await makeFolder(repository.folder);
  const onWait = () => options.report?.({ kind: "waiting", model: model.id });
  return await withLock(
    join(repository.folder, "lock"),
    { onWait, signal: options.signal },
    async () =>
      (await repository.find(model)) ?? (await download(repository, model, options, inspect)),
  );
}

// --- internal ---

async function download(
  repository: CachedRepository,
  model: HubModel,
  options: HubOptions,
  inspect: Inspect,
): Promise<Snapshot> {
  const { id } = model;
  const client = new HubClient(model, options);
  const commit = await client.commit();
  const folder = repository.snapshotFolder(commit);
  const selection = selectFiles(id, await client.files(commit));
  await makeFolder(folder);
  options.report?.({ kind: "started", model: id, commit, folder });
  const batch = new Batch(client, commit, folder, options);
  await batch.bring(selection.small);
  await inspect(folder);
  const weights = selection.single
    ? [selection.single]
    : (await shardNames(folder)).map((name) => shardOf(id, selection.shard, name));
  await batch.bring(weights);
  const files = [...selection.small, ...weights];
  const { endpoint } = options;
  const snapshot = await repository.complete(model, { id, commit, endpoint, files });
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  options.report?.({ kind: "finished", model: id, bytes });
  return snapshot;
}

/** Downloads into one folder, with one count of bytes for each group of files. */
class Batch {
  readonly #client: HubClient;
  readonly #commit: string;
  readonly #folder: string;
  readonly #options: HubOptions;

  constructor(client: HubClient, commit: string, folder: string, options: HubOptions) {
    this.#client = client;
    this.#commit = commit;
    this.#folder = folder;
    this.#options = options;
  }

  async bring(files: readonly HubFile[]): Promise<void> {
    const { report, retryMs, signal } = this.#options;
    const total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path } of files) await makeFolder(dirname(join(this.#folder, path)));
    await this.#checkSpace(files, total);
    let before = 0;
    for (const file of files) {
      const progress = (received: number) =>
        report?.({ kind: "progress", file: file.path, received: before + received, total });
      await downloadFile(this.#client, this.#commit, file, this.#folder, {
        onBytes: progress,
        onRetry: (reason) => report?.({ kind: "retry", file: file.path, reason }),
        retryMs,
        signal,
      });
      progress(file.size);
      before += file.size;
    }
  }

  async #checkSpace(files: readonly HubFile[], total: number): Promise<void> {
    let missing = total;
    for (const file of files) missing -= await bytesPresent(this.#folder, file);
    const { bavail, bsize } = await statfs(this.#folder).catch((error: unknown) => {
      throw fileError(error, this.#folder);
    });
    const free = bavail * bsize;
    if (missing === 0 || free >= missing + SPARE_BYTES) return;
    throw new KlatchError(
      "disk",
      `${Math.ceil(missing / MIB)} MiB are still to come and ${this.#folder} has ${Math.floor(free / MIB)} MiB free`,
      "free some space, or set --cache (KLATCH_CACHE) to a folder on another disk",
    );
  }
}

function shardOf(id: string, find: (name: string) => HubFile | null, name: string): HubFile {
  const file = find(name);
  if (file !== null) return file;
  throw new KlatchError(
    "data",
    `${id}: its index names ${name}, which is not there`,
    "the upload is not complete; choose another revision",
  );
}

function requireCache({ id }: HubModel, { cacheFolder }: HubOptions): string {
  if (cacheFolder !== null) return cacheFolder;
  throw new KlatchError(
    "usage",
    `there is no folder to keep ${id} in: this user has no home folder`,
    "name a folder with --cache or KLATCH_CACHE",
  );
}

function notCached({ id, revision }: HubModel, { cacheFolder }: HubOptions): KlatchError {
  return new KlatchError(
    "network",
    `${id} at ${revision} is not in the cache ${cacheFolder}, and HF_HUB_OFFLINE forbids the network`,
    "unset HF_HUB_OFFLINE once to fetch it, or copy the cache folder from another machine",
  );
}
