import { statfsSync } from "node:fs";

/** Room on the disk of a folder; null where it cannot be asked. */
export function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    return null;
  }
}
