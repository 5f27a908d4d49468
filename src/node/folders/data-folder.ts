import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { checkOutFolder } from "./out-folder.ts";

/** The node's private key; readable by its owner only. */
export function identityFile(dataDir: string): string {
  return join(dataDir, "identity.json");
}

/** Where a running node says at which address its status endpoint answers. */
export function statusAddressFile(dataDir: string): string {
  return join(dataDir, "status.json");
}

/** What others must show to a status endpoint that other machines can reach; readable by its owner only. */
export function statusTokenFile(dataDir: string): string {
  return join(dataDir, "status-token");
}

/**
 * Makes the folder of a node that is new, and its data folder, which is its owner's alone.
 *
 * @throws KlatchError where they cannot be made, or written
 */
export function makeNodeFolders(folder: string, dataDir: string): void {
  checkOutFolder(dataDir);
  mkdirSync(folder, { recursive: true });
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}
