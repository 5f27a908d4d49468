import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { KlatchError } from "../../errors.ts";
import { statusTokenFile } from "../folders/data-folder.ts";
import { writeAtomically } from "../store/atomic-file.ts";
import { fileError, isMissing, realFileSystem } from "../store/file-system.ts";

const TOKEN_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/**
 * The token that an endpoint asks for which other machines can reach: made once, in a file of the node's folder that is
 * its owner's alone.
 *
 * @throws KlatchError `data` where the file holds something else, `disk` or `permission`
 */
export function statusToken(dataDir: string): string {
  const known = readToken(statusTokenFile(dataDir));
  if (known !== null) return known;
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  writeAtomically(realFileSystem, statusTokenFile(dataDir), [Buffer.from(`${token}\n`)]);
  return token;
}

/**
 * The token in a file; null where there is none.
 *
 * @throws KlatchError `data` where it holds something else, `permission` where it cannot be read
 */
export function readToken(file: string): string | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    if (isMissing(error)) return null;
    throw fileError(error, file);
  }
  if (TOKEN.test(text)) return text;
  throw new KlatchError(
    "data",
    `${file} holds no token`,
    "delete it: the next start makes another",
  );
}

/** {@link readToken} of a file that somebody named; throws `usage` where there is none. */
export function requireToken(file: string): string {
  const token = readToken(file);
  if (token !== null) return token;
  throw new KlatchError(
    "usage",
    `${file} is not there`,
    "copy status-token of that node's data folder",
  );
}

/** Whether an `Authorization` header shows the token; takes the same time whatever it holds. */
export function showsToken(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${token}`));
}
