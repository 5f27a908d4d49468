import { open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { fileError } from "../file-access.ts";
import { pause } from "./pause.ts";

const POLL_MS = 100;
const BEAT_MS = 5_000;
/** A lock whose owner has not touched it for this long is abandoned. */
const STALE_MS = 60_000;

export interface LockOptions {
  /** Told once when another process holds the lock. */
  readonly onWait: () => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs `work` while this process holds the lock file; waits while another does. A lock whose process is gone is taken
 * over. A process that was suspended for a minute may find that another has its lock: both then bring the same bytes,
 * each in a file of its own.
 */
export async function withLock<T>(
  file: string,
  { onWait, signal }: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  let hasWaited = false;
  while (!(await tryTake(file))) {
    if (await removeAbandoned(file)) continue;
    if (!hasWaited) onWait();
    hasWaited = true;
    await pause(POLL_MS, signal);
  }
  const beat = setInterval(() => void touch(file), BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(file, { force: true });
  }
}

// --- internal ---

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** One at a time looks and removes: a second would remove the lock that the first has taken meanwhile. */
async function removeAbandoned(file: string): Promise<boolean> {
  if (!(await isAbandoned(file))) return false;
  const turn = `${file}.turn`;
  if (!(await tryTake(turn))) {
    if (await isAbandoned(turn)) await rm(turn, { force: true });
    return false;
  }
  try {
    const isStillSo = await isAbandoned(file);
    if (isStillSo) await rm(file, { force: true });
    return isStillSo;
  } finally {
    await rm(turn, { force: true });
  }
}

async function tryTake(file: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    try {
      await handle.writeFile(`${process.pid} ${hostname()}\n`);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw fileError(error, file);
  }
}

async function touch(file: string): Promise<void> {
  const now = new Date();
  // A beat that fails makes the lock look older than it is, no more: the work goes on.
  await utimes(file, now, now).catch(() => undefined);
}

async function isAbandoned(file: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs > STALE_MS) return true;
    const [pid = "", host = ""] = (await readFile(file, "utf8")).trim().split(" ");
    return host === hostname() && /^[1-9][0-9]{0,9}$/.test(pid) && !isAlive(Number(pid));
  } catch (error) {
    // Given back between two looks: the next attempt takes it.
    if (codeOf(error) === "ENOENT") return false;
    throw fileError(error, file);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Signal 0 asks only; EPERM means that somebody else's process has this number.
    return codeOf(error) !== "ESRCH";
  }
}
