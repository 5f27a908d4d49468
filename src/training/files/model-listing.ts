import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { exists, fileError } from "./file-access.ts";
import { digestOfFile } from "./file-digest.ts";
import { INDEX_FILE, isCompanion, TEMPLATES_FOLDER, WEIGHTS_FILE } from "./model-files.ts";
import { shardNames } from "./weights.ts";

/** A file of a model, which lies in the model's folder itself. */
export interface ModelFile {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 of its content. */
  readonly sha256: string;
}

/**
 * The files of a model folder that a node needs, each read once for its digest: configuration, tokenizer, licence and
 * weights.
 *
 * @throws KlatchError `data` where the folder is no whole model, `incompatible` where files in folders of their own
 *   belong to it, `permission` or `disk` where one cannot be read; the signal's reason
 */
export async function listModelFiles(
  folder: string,
  signal?: AbortSignal,
): Promise<readonly ModelFile[]> {
  const found: string[] = await readdir(folder).catch((error: unknown) => {
    throw fileError(error, folder);
  });
  if (found.includes(TEMPLATES_FOLDER)) throw hasTemplates(folder);
  const isSingle = await exists(join(folder, WEIGHTS_FILE));
  const weights = isSingle ? [WEIGHTS_FILE] : [INDEX_FILE, ...(await shardNames(folder))];
  const names = [...found.filter((name) => isCompanion(name)), ...weights].sort();
  const files: ModelFile[] = [];
  for (const name of names) {
    const path = join(folder, name);
    await requireFile(path);
    const { bytes, sha256 } = await digestOfFile(path, signal);
    files.push({ name, bytes, sha256 });
  }
  return files;
}

// --- internal ---

/** To open a pipe would wait for ever. */
async function requireFile(path: string): Promise<void> {
  const status = await stat(path).catch((error: unknown) => {
    throw fileError(error, path);
  });
  if (status.isFile()) return;
  throw new KlatchError("data", `${path} is no plain file`, "copy the model again");
}

function hasTemplates(folder: string): KlatchError {
  return new KlatchError(
    "incompatible",
    `${folder} has chat templates in a folder of their own, ${TEMPLATES_FOLDER}`,
    "files in folders are not listed: each organisation needs its own copy of the model",
  );
}
