import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { generateKeyPair, generateKeyPairFromSeed, publicKeyFromRaw } from "@libp2p/crypto/keys";
import type { Ed25519PrivateKey, Ed25519PublicKey } from "@libp2p/interface";
import { peerIdFromPrivateKey, peerIdFromPublicKey, peerIdFromString } from "@libp2p/peer-id";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { parseJson } from "../../json.ts";
import type { PeerId } from "../../types.ts";

/** A peer's key pair; only the file and libp2p see the private half. */
export interface Identity {
  readonly peerId: PeerId;
  readonly key: Ed25519PrivateKey;
}

const MAX_FILE_BYTES = 4096;

const fileSchema = z.strictObject({
  version: z.literal(1),
  type: z.literal("Ed25519"),
  peerId: z.string().max(64),
  /** The 32 byte seed of RFC 8032; its last base64 digit has two bits that must be zero. */
  seed: z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/),
});

/** Whether the text is the peer id of an Ed25519 key, in base58btc. */
export function isPeerId(text: string): boolean {
  if (!/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/.test(text)) return false;
  try {
    return peerIdFromString(text).type === "Ed25519";
  } catch (error) {
    // the parser says by throwing that this is not a peer id
    assert(error instanceof Error);
    return false;
  }
}

/** Public key of a peer id. The text must satisfy {@link isPeerId}. */
export function publicKeyOf(peer: PeerId): Ed25519PublicKey {
  const { publicKey } = peerIdFromString(peer);
  if (publicKey?.type !== "Ed25519") throw new TypeError(`${peer} is not an Ed25519 peer id`);
  return publicKey;
}

/** Peer id of a raw Ed25519 public key (32 bytes). */
export function peerIdOf(publicKey: Uint8Array): PeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(publicKey)).toString();
}

/** A new identity in memory, for tests and for nodes that need no past. */
export async function generateIdentity(): Promise<Identity> {
  return identityOf(await generateKeyPair("Ed25519"));
}

/**
 * Makes a new identity and writes it to `file`, readable by its owner only.
 *
 * @throws KlatchError `permission` when the file exists or cannot be written.
 */
export async function createIdentity(file: string): Promise<Identity> {
  const identity = await generateIdentity();
  const text = `${JSON.stringify(
    {
      version: 1,
      type: "Ed25519",
      peerId: identity.peerId,
      // the raw private key is the seed followed by the public key
      seed: Buffer.from(identity.key.raw.subarray(0, 32)).toString("base64"),
    },
    null,
    2,
  )}\n`;
  writeSecret(file, text, "identity");
  return identity;
}

/**
 * Reads an identity.
 *
 * @throws KlatchError `permission` when the file is missing, unreadable, malformed or readable by others.
 */
export async function loadIdentity(file: string): Promise<Identity> {
  const text = readSecret(file, "identity", MAX_FILE_BYTES);
  const parsed = fileSchema.safeParse(parseJson(text));
  const hint =
    "Restore it from a backup, or move it away and run `klatch init` for a new identity.";
  if (!parsed.success) {
    throw new KlatchError("permission", `The identity file ${file} is damaged.`, hint);
  }
  const seed = Buffer.from(parsed.data.seed, "base64");
  const identity = identityOf(await generateKeyPairFromSeed("Ed25519", seed));
  if (identity.peerId !== parsed.data.peerId) {
    throw new KlatchError(
      "permission",
      `The identity file ${file} is damaged: its key is not that of ${parsed.data.peerId}.`,
      hint,
    );
  }
  return identity;
}

/** {@link loadIdentity}, or {@link createIdentity} when there is no such file. */
export async function loadOrCreateIdentity(file: string): Promise<Identity> {
  try {
    return await loadIdentity(file);
  } catch (error) {
    if (!(error instanceof KlatchError && isNotFound(error.cause))) throw error;
  }
  return createIdentity(file);
}

/**
 * Writes a secret to a new file with mode 0600 and syncs it to the disk.
 *
 * @throws KlatchError `permission` when the file exists or cannot be written.
 */
export function writeSecret(file: string, text: string, what: string): void {
  let descriptor: number;
  try {
    // exclusive: an existing key is never overwritten
    descriptor = openSync(file, "wx", 0o600);
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new KlatchError(
      "permission",
      exists
        ? `The ${what} file ${file} already exists.`
        : `Cannot write the ${what} file ${file}.`,
      exists
        ? "Use the existing one, or choose another file; keys are never overwritten."
        : "Check that the folder exists and is writable.",
      { cause },
    );
  }
  try {
    // the mode given to open is reduced by the umask, never widened; say it plainly all the same
    fchmodSync(descriptor, 0o600);
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Reads a secret, at most `maxBytes`, after checking that nobody but its owner may.
 *
 * @throws KlatchError `permission` when it is missing, too large or open to others; a missing file leaves its
 * `ENOENT` as the cause.
 */
export function readSecret(file: string, what: string, maxBytes: number): string {
  let descriptor: number;
  try {
    // to open a pipe would wait for ever otherwise
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw new KlatchError(
      "permission",
      isNotFound(cause)
        ? `There is no ${what} file ${file}.`
        : `Cannot read the ${what} file ${file}.`,
      isNotFound(cause)
        ? "Run `klatch init`, or name the right file."
        : "Check its owner and mode.",
      { cause },
    );
  }
  try {
    const status = fstatSync(descriptor);
    if (process.platform !== "win32" && (status.mode & 0o077) !== 0) {
      const mode = (status.mode & 0o777).toString(8).padStart(4, "0");
      throw new KlatchError(
        "permission",
        `The ${what} file ${file} is open to other users (mode ${mode}).`,
        `Run: chmod 600 ${file}`,
      );
    }
    if (!status.isFile() || status.size > maxBytes) {
      throw new KlatchError("permission", `${file} is no ${what} file.`, "Name the right file.");
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

function identityOf(key: Ed25519PrivateKey): Identity {
  return { peerId: peerIdFromPrivateKey(key).toString(), key };
}

function isNotFound(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}
