import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../../errors.ts";
import { fileError, makeFolder, readJson, sizeOfFile, writeWhole } from "../file-access.ts";
import { type HubModel, isCommit } from "./model-id.ts";

/** Written last: a snapshot without it is not complete. */
const RECORD_FILE = "klatch-hub.json";
const RECORD_BYTES_MAX = 1 << 22;
const ENOENT = "ENOENT";

const recordSchema = z.strictObject({
  id: z.string(),
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  endpoint: z.string(),
  files: z
    .array(
      z.strictObject({
        path: z.string().regex(/^([\w-]+\/)?[\w-][\w.-]*$/),
        size: z.number().int().min(0),
        algorithm: z.enum(["sha256", "git-sha1"]),
        digest: z.string().regex(/^[0-9a-f]{40,64}$/),
      }),
    )
    .max(4096),
});

/** What a complete snapshot holds, and by which digests it was checked. */
export type SnapshotRecord = z.infer<typeof recordSchema>;

/** A complete copy of a model at one commit. */
export interface Snapshot {
  readonly folder: string;
  readonly commit: string;
}

/**
 * One repository in the cache: `hub/<organisation>--<name>/` with `refs/<revision>` (the commit that a branch or tag
 * named when it was first used) and a folder of plain files for each commit.
 */
export class CachedRepository {
  readonly folder: string;

  constructor(cacheFolder: string, id: string) {
    // An id holds no "--", so the name is that of one id only.
    this.folder = join(cacheFolder, "hub", id.replace("/", "--"));
  }

  snapshotFolder(commit: string): string {
    return join(this.folder, commit);
  }

  /** The complete snapshot of a revision, or null. A branch stays at the commit where it was first used. */
  async find({ revision }: HubModel): Promise<Snapshot | null> {
    const commit = isCommit(revision) ? revision : await this.#pinned(revision);
    if (commit === null) return null;
    const folder = this.snapshotFolder(commit);
    return (await isComplete(folder, commit)) ? { folder, commit } : null;
  }

  /** Declares a snapshot complete and pins the revision to its commit. */
  async complete({ revision }: HubModel, record: SnapshotRecord): Promise<Snapshot> {
    const folder = this.snapshotFolder(record.commit);
    await writeWhole(join(folder, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
    if (!isCommit(revision)) {
      await makeFolder(join(this.folder, "refs"));
      await writeWhole(this.#refFile(revision), `${record.commit}\n`);
    }
    return { folder, commit: record.commit };
  }

  #refFile(revision: string): string {
    return join(this.folder, "refs", encodeURIComponent(revision));
  }

  async #pinned(revision: string): Promise<string | null> {
    const file = this.#refFile(revision);
    try {
      const commit = (await readFile(file, "utf8")).trim();
      return isCommit(commit) ? commit : null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === ENOENT) return null;
      throw fileError(error, file);
    }
  }
}

// --- internal ---

/**
 * The digests were checked on arrival. What is looked for here is what an interrupted deletion would leave behind, or
 * a loss of power while the record was written.
 */
async function isComplete(folder: string, commit: string): Promise<boolean> {
  let record: SnapshotRecord;
  try {
    record = await readJson(join(folder, RECORD_FILE), recordSchema, RECORD_BYTES_MAX);
  } catch (error) {
    if (error instanceof KlatchError && error.code === "data") return false;
    throw error;
  }
  if (record.commit !== commit) return false;
  for (const { path, size } of record.files) {
    if ((await sizeOfFile(join(folder, path))) !== size) return false;
  }
  return true;
}
