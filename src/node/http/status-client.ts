import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import type { Config } from "../config/config.ts";
import { statusAddressFile } from "../folders/data-folder.ts";
import { nodeStatusSchema, roundRecordSchema } from "../records/record-schemas.ts";
import { fileError } from "../store/file-system.ts";
import { STARTING } from "./readiness.ts";

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
    return z.looseObject({ url: z.url() }).parse(JSON.parse(text)).url;
  } catch (error) {
    // A file cut short by a crash says as little as none.
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
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

/** A node answers, and has nothing to show yet. */
export class StartingError extends KlatchError {
  constructor(url: string) {
    super("network", `the node at ${url} is starting`, "ask again when its model is loaded");
  }
}

const starting = z.looseObject({ state: z.literal(STARTING) });

/** Asks the endpoint at an address; throws `network` when nothing sensible answers. */
export async function askUrl<T>(url: string, path: string, schema: z.ZodType<T>): Promise<T> {
  let body: unknown;
  let isOk: boolean;
  try {
    const response = await fetch(`${url}/v1/${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });
    body = await response.json();
    isOk = response.ok;
    if (!isOk && !starting.safeParse(body).success) throw new Error(`status ${response.status}`);
  } catch (cause) {
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
