import { randomBytes } from "node:crypto";
import { KlatchError } from "../../errors.ts";
import { readSecret, writeSecret } from "./identity.ts";

const MAX_FILE_BYTES = 256;
const FORMAT = /^\/key\/swarm\/psk\/1\.0\.0\/\r?\n\/base16\/\r?\n[0-9a-f]{64}\r?\n?$/;

/**
 * Writes the pre-shared key of a new private network to `file`, readable by its owner only. Every member needs the
 * same file; whoever lacks it cannot even start a handshake. Format: libp2p spec pnet/Private-Networks-PSK-V1.
 *
 * @throws KlatchError `permission` when the file exists or cannot be written.
 */
export function createNetworkKey(file: string): Uint8Array {
  const text = `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(32).toString("hex")}\n`;
  writeSecret(file, text, "network key");
  return new TextEncoder().encode(text.trimEnd());
}

/**
 * Reads a pre-shared network key.
 *
 * @throws KlatchError `permission` when the file is missing, malformed or readable by others.
 */
export function loadNetworkKey(file: string): Uint8Array {
  const text = readSecret(file, "network key", MAX_FILE_BYTES);
  if (!FORMAT.test(text)) {
    throw new KlatchError(
      "permission",
      `The network key file ${file} is damaged.`,
      "Get it again from a member; its first line is /key/swarm/psk/1.0.0/.",
    );
  }
  return new TextEncoder().encode(text.trimEnd());
}
