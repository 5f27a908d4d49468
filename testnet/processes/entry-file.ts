import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of a program file beside or above this one, as TypeScript in a checkout and as JavaScript in the package. */
export function entryFile(relative: string): string {
  return fileURLToPath(new URL(`${relative}${extname(import.meta.url)}`, import.meta.url));
}
