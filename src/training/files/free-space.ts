import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { KlatchError } from "../../errors.ts";
import { fileError } from "./file-access.ts";

/**
 * Refuses to begin what a disk has no room for. The folder may be one that is still to be made.
 *
 * @throws KlatchError `disk` with both sizes
 */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= bytes) return;
  throw new KlatchError(
    "disk",
    `${folder} has ${inUnits(free)} left, and the result takes ${inUnits(bytes)}`,
    "free some space, or write to another disk",
  );
}

async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isMissing && folder !== dirname(folder)) return freeBytes(dirname(folder));
    throw fileError(error, folder);
  }
}

function inUnits(bytes: number): string {
  const kib = bytes / 1024;
  return kib < 10_240 ? `${Math.ceil(kib)} KiB` : `${Math.ceil(kib / 1024)} MiB`;
}
