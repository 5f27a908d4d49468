import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { Config } from "../config/config.ts";
import { statusAddressFile, statusTokenFile } from "../folders/data-folder.ts";
import { startingSchema } from "../records/api-schemas.ts";
import { nodeStatusSchema, roundRecordSchema } from "../records/record-schemas.ts";
import { fileError } from "../store/file-system.ts";
import { openSealed } from "../store/sealed-json.ts";
import { readToken } from "./status-token.ts";

/** Longest wait for an answer. The endpoint is on this machine: a node that takes longer is in trouble. */
const ANSWER_MS = 5000;

/** The answers of the endpoint; fields that this version does not know pass through to `--json`. */
export const answers = {
  status: nodeStatusSchema,
  rounds: z.array(roundRecordSchema),
};

/** Where a node of this folder answered last, as it wrote down when it started; null when it has stopped since. */
export function writtenUrl(dataDir: string): string | null {
  try {
    const text = readFileSync(statusAddressFile(dataDir), "utf8");
    // a file that is damaged says as little as none
    return z.looseObject({ url: z.url() }).safeParse(openSealed(text)).data?.url ?? null;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(code)) return null;
    throw fileError(error, statusAddressFile(dataDir));
  }
}

/** Where the node of a configuration answers: as it wrote down when it started, else as configured. */
export function statusUrl({ dataDir, status }: Config): string {
  return writtenUrl(dataDir) ?? configuredUrl(status);
}

/** Where the node of a configuration answers, going by the configuration alone. */
export function configuredUrl({ host, port }: Config["status"]): string {
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** What the endpoint of a folder's node must be shown, where other machines can reach it; null elsewhere. */
export function tokenIn(dataDir: string): string | null {
  return readToken(statusTokenFile(dataDir));
}

/** A node answers, and has nothing to show yet. */
export class StartingError extends KlatchError {
  constructor(url: string) {
    super("network", `the node at ${url} is starting`, "ask again when its model is loaded");
  }
}

/**
 * Asks the endpoint at an address, showing a token where there is one. Throws `network` when nothing sensible answers,
 * `permission` when it asks for a token, or another.
 */
export async function askUrl<T>(
  url: string,
  path: string,
  schema: z.ZodType<T>,
  token: string | null = null,
): Promise<T> {
  let body: unknown;
  let isOk: boolean;
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/v1/${path}`, { signal, headers });
    if (response.status === 401) throw tokenNeeded(url);
    body = await response.json();
    isOk = response.ok;
    if (!isOk && !startingSchema.safeParse(body).success)
      throw new Error(`status ${response.status}`);
  } catch (cause) {
    if (cause instanceof KlatchError) throw cause;
    throw new KlatchError(
      "network",
      `no node answers at ${url}`,
      "is it running? start it with `klatch start`, or name another with --config or --url",
      { cause },
    );
  }
  if (!isOk) throw new StartingError(url);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new KlatchError("network", `${url} is not a klatch node`, "check --url and status.port", {
    cause: parsed.error,
  });
}

// --- internal ---

function tokenNeeded(url: string): KlatchError {
  return new KlatchError(
    "permission",
    `${url} asks for a token`,
    "name the file with --token-file: it is status-token in that node's data folder",
  );
}
