import { existsSync } from "node:fs";
import { dirname } from "node:path";

/** The path itself where it exists, else the nearest folder above it that does. */
export function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}
