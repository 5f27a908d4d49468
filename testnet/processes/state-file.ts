import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../src/errors.ts";

const peer = z.strictObject({
  index: z.int().min(0),
  id: z.string(),
  label: z.string(),
  role: z.string(),
  address: z.string(),
  host: z.string(),
  statusPort: z.int(),
  isPaused: z.boolean(),
  folder: z.string(),
  /** Null while the process runs; afterwards, how it ended. */
  exit: z.string().nullable(),
});

const incident = z.strictObject({ peer: z.int(), round: z.int(), what: z.string() });

const stateSchema = z.strictObject({
  state: z.enum(["starting", "running", "failed"]),
  startedAt: z.string(),
  /** The process that keeps the peers. */
  pid: z.int().positive(),
  /** The page of the whole network; null until there is one. */
  page: z.string().nullable(),
  peers: z.array(peer),
  /** What befell peers, the last of it; rounds are counted from 1. */
  incidents: z.array(incident),
  failure: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
});

/** What the keeper of a background testnet says about it. */
export type KeeperState = z.output<typeof stateSchema>;

/** Age from which on a state file has no keeper any more, ms: the keeper renews it twice a second. */
const STALE_MS = 15_000;

export const stateFile = (folder: string) => join(folder, "testnet.json");
export const stopFile = (folder: string) => join(folder, "stop-requested");
export const optionsFile = (folder: string) => join(folder, "options.json");

/** Replaces the state in one step, so that no reader sees half of it. */
export function writeState(folder: string, state: KeeperState): void {
  replaceFile(stateFile(folder), state);
}

/** Writes JSON in one step. */
export function replaceFile(file: string, value: object): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/**
 * The state of the testnet in a folder, and whether its keeper lives; null where there is none. Throws `data` when
 * damaged.
 */
export function readState(
  folder: string,
): { readonly state: KeeperState; readonly isKept: boolean } | null {
  const file = stateFile(folder);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return null;
  const parsed = stateSchema.safeParse(parseJson(readFileSync(file, "utf8")));
  if (parsed.success) {
    const isRenewed = Date.now() - found.mtimeMs < STALE_MS;
    return { state: parsed.data, isKept: isRenewed && exists(parsed.data.pid) };
  }
  throw new KlatchError(
    "data",
    `${file} is damaged`,
    "Remove it; peers without a keeper stop by themselves.",
  );
}

/** Null for what is none: a schema refuses it by name. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // for the schema
    return null;
  }
}

// --- internal ---

/** Whether a process of this id runs; another's may have taken the id of one that is gone. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
