import { join } from "node:path";

/** The node's private key; readable by its owner only. */
export function identityFile(dataDir: string): string {
  return join(dataDir, "identity.json");
}

/** Where a running node says at which address its status endpoint answers. */
export function statusAddressFile(dataDir: string): string {
  return join(dataDir, "status.json");
}
