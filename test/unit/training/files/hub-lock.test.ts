import { spawnSync } from "node:child_process";
import { access, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { withLock } from "../../../../src/training/files/hub/lock.ts";
import { inFolder } from "./tiny-model.ts";

/** The process that had this number has ended. */
const DEAD = spawnSync(process.execPath, ["--version"]).pid;

/** Two take the same lock, the second some operations later; how many had it at most at one time, and altogether. */
async function contend(file: string, later: number) {
  let now = 0;
  let most = 0;
  let total = 0;
  const work = async () => {
    now += 1;
    total += 1;
    most = Math.max(most, now);
    for (let i = 0; i < 20; i += 1) await turn();
    now -= 1;
  };
  const options = { onWait: () => undefined, signal: undefined };
  const second = async () => {
    for (let i = 0; i < later; i += 1) await stat(dirname(file));
    await withLock(file, options, work);
  };
  await Promise.all([withLock(file, options, work), second()]);
  return { most, total, left: await readdir(dirname(file)) };
}

describe("the lock of a download", () => {
  it("is one's at a time, and gone afterwards", async () => {
    await inFolder(async (folder) => {
      const ends = await contend(join(folder, "lock"), 0);
      expect(ends).toEqual({ most: 1, total: 2, left: [] });
    });
  });

  it("is one's at a time too when both find it abandoned, whoever is first", async () => {
    for (let later = 0; later < 12; later += 1) {
      await inFolder(async (folder) => {
        const file = join(folder, "lock");
        await writeFile(file, `${DEAD} ${hostname()}\n`);
        const ends = await contend(file, later);
        expect(ends, `${later} later`).toEqual({ most: 1, total: 2, left: [] });
      });
    }
  });

  it("is not taken from a process that is alive", async () => {
    await inFolder(async (folder) => {
      const file = join(folder, "lock");
      await writeFile(file, `${process.pid} ${hostname()}\n`);
      const waited = Promise.withResolvers<void>();
      const stop = new AbortController();
      const options = { onWait: waited.resolve, signal: stop.signal };
      const attempt = withLock(file, options, () => Promise.resolve("taken"));
      await waited.promise;
      stop.abort();
      await expect(attempt).rejects.toThrow();
      await access(file);
      const old = Date.now() / 1000 - 3600;
      await utimes(file, old, old);
      const again = { ...options, signal: undefined };
      expect(await withLock(file, again, () => Promise.resolve("taken"))).toBe("taken");
    });
  });
});
